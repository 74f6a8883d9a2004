"""A worker says that it lives, and what it is."""

import asyncio
import json
import os
from types import SimpleNamespace

import pytest

from asynq.exceptions import OperationalError
from asynq.worker.heartbeat import Heartbeat
from asynq.worker.state import WorkerState
from tests.waiting import until


@pytest.fixture
def state():
    return WorkerState("w@here")


@pytest.fixture
async def start(broker, state):
    tasks = []

    def start(broker=broker, lease=30.0):
        heartbeat = Heartbeat(
            broker, state, SimpleNamespace(queues=["a", "b"], slots=7), lease=lease
        )
        tasks.append(asyncio.create_task(heartbeat.run()))
        return heartbeat

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_it_tells_who_and_how_much(start, broker, state):
    state.totals["x"] += 3
    start()
    await until(broker.workers)
    told = json.loads((await broker.workers())["w@here"])
    assert told["hostname"] == "w@here"
    assert told["pid"] == os.getpid()
    assert (told["queues"], told["slots"], told["processed"]) == (["a", "b"], 7, 3)
    assert state.reached.is_set()


async def test_it_goes_on_saying_so(start, broker):
    start(lease=0.06)
    first = (await until(broker.workers))["w@here"]

    async def another():
        return (await broker.workers())["w@here"] != first

    await until(another)


async def test_it_says_that_it_is_gone(start, broker):
    heartbeat = start()
    await until(broker.workers)
    await heartbeat.farewell()
    assert await broker.workers() == {}


async def test_it_survives_a_server_that_is_away(start, broker, state):
    class Away:
        failures = 0

        async def announce(self, *args, **named):
            if self.failures < 3:
                self.failures += 1
                raise OperationalError("gone")
            await broker.announce(*args, **named)

    start(Away())
    assert not state.reached.is_set()
    await until(broker.workers)
    assert state.reached.is_set()
