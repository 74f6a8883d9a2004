"""An app in memory, and a look behind it."""

import pytest

from asynq import Asynq
from asynq.brokers.memory import MemoryBroker


@pytest.fixture
async def app(namespace):
    app = Asynq(namespace, broker="memory://", accept_content=["json", "msgpack"])
    async with app:
        yield app


@pytest.fixture
async def broker(namespace):
    """Another connection to the app's queues."""
    broker = MemoryBroker("memory://", namespace=namespace)
    yield broker
    await broker.aclose()
