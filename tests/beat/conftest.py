"""An app in memory or on a server, and what its beats have sent."""

from collections.abc import AsyncIterator

import pytest

from asynq import Asynq


class Shop:
    """An app with tasks that nobody runs: what was sent is looked at in its queue."""

    def __init__(self, url, namespace, **settings):
        self.app = app = Asynq(namespace, broker=url, **settings)

        @app.task(name="shop.add")
        async def add(x: int, y: int = 0) -> int:
            return x + y

        self.add = add

    async def sent(self) -> int:
        return await self.app.broker.depth("default")

    async def taken(self, count):
        """The next so many messages, as they were sent."""
        found = []
        while len(found) < count:
            found += await self.app.broker.receive(["default"], limit=count, wait=5.0)
        return found


@pytest.fixture
async def shop(place, namespace) -> AsyncIterator[Shop]:
    shop = Shop(place, namespace)
    async with shop.app:
        yield shop


@pytest.fixture
async def memory_shop(namespace) -> AsyncIterator[Shop]:
    shop = Shop("memory://", namespace)
    async with shop.app:
        yield shop
