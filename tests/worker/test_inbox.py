"""What is said to all workers is heard, also by one that was not listening."""

import asyncio
import logging

import pytest

from asynq.brokers.base import Delivery
from asynq.control import CHANNEL
from asynq.exceptions import OperationalError
from asynq.worker.inbox import Inbox
from asynq.worker.state import WorkerState
from tests.waiting import until


@pytest.fixture
async def listen(broker):
    """Begins to listen; gives what the worker, which holds a task `held`, is told to revoke."""
    tasks = []

    def listen():
        state = WorkerState("w@here")
        state.reserved.append(Delivery(id="held", queue="q", body=b""))
        told = []

        def revoke(ids, *, terminate):
            told.append((set(ids), terminate))

        tasks.append(asyncio.create_task(Inbox(broker, state, revoke, lambda: None).run()))
        return told

    yield listen
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def heard(listen):
    return listen()


async def test_what_is_revoked_is_heard_at_once(heard, broker):
    async def said():
        await broker.fanout().publish(CHANNEL, b'{"revoke":["1","2"],"terminate":true}')
        return heard

    await until(said)
    assert heard[0] == ({"1", "2"}, True)


@pytest.mark.parametrize("terminate", [True, False])
async def test_what_was_revoked_before_is_asked_for(broker, listen, terminate):
    await broker.revoke(["held", "other"], terminate=terminate, ttl=60)
    heard = listen()
    await until(lambda: heard)
    assert heard == [({"held"}, terminate)]


async def test_nonsense_is_said_and_forgotten(heard, broker, caplog):
    caplog.set_level(logging.WARNING)

    async def said():
        await broker.fanout().publish(CHANNEL, b"\xff nonsense")
        await broker.fanout().publish(CHANNEL, b'{"revoke":["1"]}')
        return heard

    await until(said)
    assert heard[0] == ({"1"}, False)
    assert "no order" in caplog.text


async def test_a_server_that_is_away_is_waited_for(listen, broker, monkeypatch, caplog):
    answers = broker.revoked
    calls = []

    async def away_once(ids):
        calls.append(ids)
        if len(calls) == 1:
            raise OperationalError("gone")
        return await answers(ids)

    monkeypatch.setattr(broker, "revoked", away_once)
    await broker.revoke(["held"], ttl=60)
    heard = listen()
    await until(lambda: heard)
    assert "Can't hear what is said to all workers: gone" in caplog.text
