"""The Redis adapters, held to the contracts, on every server found here."""

from __future__ import annotations

import pytest

from asynq.backends.redis.backend import RedisBackend
from asynq.testing.contracts import backends

pytestmark = pytest.mark.both_loops


class TestRedisBackend(backends.BackendContract):
    @pytest.fixture
    def connect(self, url: str, namespace: str) -> backends.Connect:
        return lambda: RedisBackend(url, namespace=namespace)
