"""The memory adapters, held to the contracts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from asynq.backends.memory import MemoryBackend
from asynq.brokers.memory import MemoryBroker
from asynq.testing.contracts import backends, brokers

pytestmark = pytest.mark.both_loops


class TestMemoryBroker(brokers.BrokerContract):
    @pytest.fixture
    def connect(self, namespace: str) -> brokers.Connect:
        return lambda: MemoryBroker("memory://", namespace=namespace)

    @pytest.fixture
    async def backend(self, namespace: str) -> AsyncIterator[MemoryBackend]:
        backend = MemoryBackend("memory://", namespace=namespace)
        yield backend
        await backend.aclose()


class TestMemoryBackend(backends.BackendContract):
    @pytest.fixture
    def connect(self, namespace: str) -> backends.Connect:
        return lambda: MemoryBackend("memory://", namespace=namespace)
