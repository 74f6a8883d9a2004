"""The Redis broker, held to the contract on every kind of server found here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from asynq._redis.keys import Keys
from asynq.backends.redis.backend import RedisBackend
from asynq.brokers.redis.broker import RedisBroker
from asynq.testing.contracts import brokers
from tests.servers import PrivateServer


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

    @pytest.fixture(autouse=True)
    def _names(self, namespace: str, server: PrivateServer) -> None:
        self._keys = Keys(namespace)
        self._server = server

    async def buried(self, broker: RedisBroker, queue: str) -> Sequence[tuple[str, str]]:
        entries = self._server.command("XRANGE", self._keys.buried(queue), "-", "+")
        named = [dict(zip(fields[::2], fields[1::2], strict=True)) for _, fields in entries]
        return [(fields[b"i"].decode(), fields[b"why"].decode()) for fields in named]
