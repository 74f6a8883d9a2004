"""A worker of an app in memory, and what says something to it."""

import asyncio

import pytest

from asynq import Worker
from tests.waiting import until


@pytest.fixture
def gate():
    """What the task `hang` waits for."""
    return asyncio.Event()


@pytest.fixture
def hang(app, gate):
    @app.task
    async def hang(number=0):
        await gate.wait()
        return number

    return hang


@pytest.fixture
async def worker(app, hang, gate):
    async with Worker(app, hostname="w@h", concurrency=2, prefetch_multiplier=3) as worker:
        await until(app.broker.workers)
        yield worker
        gate.set()


@pytest.fixture
def say(app, worker):
    """Says a command; its answer."""

    async def say(command, **arguments):
        answers = await app.control.inspect(timeout=10).ask(command, **arguments)
        return answers["w@h"]

    return say
