"""An app in memory whose tasks are there to be signed, and a worker of it."""

import pytest

from asynq import Asynq, Worker


@pytest.fixture
async def app(namespace):
    async with Asynq(namespace, broker="memory://") as app:
        yield app


@pytest.fixture
def add(app):
    @app.task(name="proj.add")
    async def add(x: int, y: int) -> int:
        return x + y

    return add


@pytest.fixture
async def worker(app, add):
    async with Worker(app) as worker:
        yield worker
