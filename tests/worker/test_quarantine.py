"""What may be the reason why workers die runs alone, and dies alone."""

import asyncio
import os

import pytest

from asynq import Asynq
from asynq.brokers.base import Delivery, Parcel, Requeue, Settlement
from asynq.exceptions import WorkerLostError
from asynq.execution.outcome import Success
from asynq.execution.run import Pools
from asynq.request import Request
from asynq.wire.message import Message, encode
from asynq.worker.quarantine import Quarantine
from asynq.worker.state import Run, WorkerState
from asynq.worker.worker import Worker
from tests.waiting import until

# What runs in another process must be found there by its name.
suspects = Asynq("tests.suspects", broker="memory://", set_as_current=False)


@suspects.task
async def process_id():
    return os.getpid()


@suspects.task
def poison():
    os._exit(7)


@suspects.task(reject_on_worker_lost=True, bind=True)
def fails_once(self):
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    return self.request.redeliveries


async def crashed(broker, task, id="1", *, times):
    """A message that so many workers have vanished with."""
    body = encode(Message(task=task), "json")
    await broker.publish([Parcel(id=id, queue="default", body=body)])
    for _ in range(times):
        (delivery,) = await broker.receive(["default"], limit=1, wait=5)
        await broker.settle([Settlement(delivery=delivery, verdict=Requeue(crashed=True))])


@pytest.fixture
async def broker():
    suspects.conf.namespace = f"suspects-{os.getpid()}-{id(object())}"
    async with suspects:
        yield suspects.broker


@pytest.mark.parametrize(("times", "alone"), [(1, False), (2, True)])
async def test_from_the_second_crash_on_a_task_runs_in_a_process_of_its_own(broker, times, alone):
    await crashed(broker, process_id.name, times=times)
    async with Worker(suspects):
        pid = await suspects.AsyncResult("1").get(timeout=20)
    assert (pid != os.getpid()) is alone


async def test_one_that_kills_it_becomes_a_dead_letter_and_who_waits_is_told(broker):
    await crashed(broker, poison.name, times=2)
    async with Worker(suspects):
        with pytest.raises(WorkerLostError, match="exit code 7"):
            await suspects.AsyncResult("1").get(timeout=20)
    (letter,) = await broker.buried("default")
    assert (letter.id, letter.redeliveries) == ("1", 2)
    assert "exit code 7" in letter.reason
    assert await broker.depth("default") == 0


async def test_a_retry_that_was_survived_ends_the_suspicion(broker):
    await crashed(broker, fails_once.name, times=2)
    async with Worker(suspects):
        assert await suspects.AsyncResult("1").get(timeout=20) == 0


async def test_what_no_other_process_can_be_handed_runs_when_nothing_else_does(app):
    @app.task
    async def inner():
        return os.getpid()

    def run(id):
        delivery = Delivery(id=id, queue="q", body=b"", redeliveries=2)
        request = Request(id=id, task=inner.name)
        return Run(delivery=delivery, message=Message(task="inner"), task=inner, request=request)

    state, opened = WorkerState("w"), []
    other, suspect = run("1"), run("2")
    state.active = {other.delivery: other, suspect.delivery: suspect}
    pools = Pools(threads=1, processes=1)
    quarantine = Quarantine(state, lambda: opened.append(state.closed))
    running = asyncio.create_task(quarantine.run(suspect, pools))
    await until(lambda: state.closed)
    assert not running.done()
    del state.active[other.delivery]
    state.left.set()
    assert await running == Success(os.getpid())
    assert opened == [False]


async def test_nothing_begins_while_something_runs_by_itself(app):
    ran = []

    @app.task
    async def add(number):
        ran.append(number)

    async with Worker(app) as worker:
        worker.state.closed = True
        result = await add.delay(1)
        await until(lambda: worker.state.reserved)
        assert ran == []
        worker.state.closed = False
        await add.delay(2)
        await result.get(timeout=10)
