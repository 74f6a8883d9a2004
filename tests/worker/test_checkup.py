"""A worker says once, when it starts, what is wrong with its server."""

import asyncio
import logging

import pytest

from asynq import Asynq, Worker
from asynq.brokers.base import Finding
from asynq.exceptions import OperationalError
from asynq.worker.checkup import check_up
from asynq.worker.state import WorkerState
from tests.waiting import until


class Broker:
    def __init__(self, *findings, error=None):
        self.findings = findings
        self.error = error

    async def diagnose(self):
        if self.error:
            raise self.error
        return self.findings


@pytest.fixture
def state():
    state = WorkerState("w@here")
    state.reached.set()
    return state


async def test_what_may_lose_tasks_is_said_and_the_rest_is_not(state, caplog):
    findings = (
        Finding(level="ok", topic="server", text="fine"),
        Finding(level="warning", topic="persistence", text="nothing", advice="do it"),
        Finding(level="error", topic="eviction", text="evicts"),
        Finding(level="warning", topic="latency", text="slow"),
        Finding(level="warning", topic="support", text="old"),
    )
    caplog.set_level(logging.INFO, "asynq.worker")
    await check_up(Broker(*findings), state)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "Broker, persistence: nothing → do it"),
        (logging.ERROR, "Broker, eviction: evicts"),
        (logging.INFO, "Broker, support: old"),
    ]


async def test_a_look_that_fails_is_nobodys_trouble(state, caplog):
    await check_up(Broker(error=OperationalError("gone")), state)
    assert not caplog.records


async def test_it_waits_for_the_brokers_first_answer(state):
    state.reached.clear()
    looking = asyncio.create_task(check_up(Broker(), state))
    await asyncio.sleep(0)
    assert not looking.done()
    state.reached.set()
    await looking


async def test_a_worker_on_a_server_that_evicts_says_so(own_server, namespace, caplog):
    private = own_server(config={"maxmemory": "100mb", "maxmemory-policy": "volatile-lru"})
    async with Asynq(namespace, broker=private.url) as app, Worker(app):
        await until(lambda: "maxmemory-policy is volatile-lru" in caplog.text)
