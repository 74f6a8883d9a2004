"""Apps on every carrier there is, with workers in this process."""

from contextlib import AsyncExitStack

import pytest

from asynq import Asynq, Worker
from tests.waiting import until


@pytest.fixture
async def app(place, namespace):
    async with Asynq(namespace, broker=place, worker_lease=2.0) as app:
        yield app


@pytest.fixture
async def start(app):
    """Starts workers, and waits until the server knows of them."""
    async with AsyncExitStack() as stack:

        async def start(*names, **options):
            workers = [
                await stack.enter_async_context(Worker(app, hostname=name, **options))
                for name in names
            ]

            async def known():
                return set(names) <= set(await app.broker.workers())

            await until(known)
            return workers[0] if len(workers) == 1 else workers

        yield start
