"""The Redis broker, held to the contract on every kind of server found here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from asynq.backends.redis.backend import RedisBackend
from asynq.brokers.redis.broker import RedisBroker
from asynq.testing.contracts import brokers


class TestRedisBroker(brokers.BrokerContract):
    @pytest.fixture
    def connect(self, url: str, namespace: str) -> brokers.Connect:
        return lambda: RedisBroker(url, namespace=namespace, lease=self.lease)

    @pytest.fixture(params=["", "?db=3"], ids=["same-database", "another-database"])
    async def backend(
        self, url: str, namespace: str, request: pytest.FixtureRequest
    ) -> AsyncIterator[RedisBackend]:
        backend = RedisBackend(url + request.param, namespace=f"{namespace}-results")
        yield backend
        await backend.aclose()
