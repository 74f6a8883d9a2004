"""An app in memory, and another look at its queues."""

import pytest

from asynq import Asynq
from asynq.brokers.memory import MemoryBroker


@pytest.fixture
async def app(namespace):
    async with Asynq(namespace, broker="memory://") as app:
        yield app


@pytest.fixture
async def broker(namespace):
    """Another connection to the app's queues."""
    broker = MemoryBroker("memory://", namespace=namespace)
    yield broker
    await broker.aclose()
