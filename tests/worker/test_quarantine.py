"""What may be the reason why workers die runs alone, and dies alone."""

import asyncio
import os
from typing import ClassVar

import pytest

from asynq import Asynq, Task
from asynq.brokers.base import Delivery, Parcel, Requeue, Settlement
from asynq.builtin import build
from asynq.canvas.own import BEGIN, EXPIRE, FAIL
from asynq.exceptions import WorkerLostError
from asynq.execution import processes
from asynq.execution.outcome import Interrupted, Success
from asynq.execution.pools import Pools
from asynq.request import Request
from asynq.wire.message import Message, encode
from asynq.worker import quarantine as room
from asynq.worker.limits import Limits
from asynq.worker.quarantine import Quarantine
from asynq.worker.state import Run, WorkerState
from asynq.worker.worker import Worker
from tests.waiting import until

# What runs in another process must be found there by its name.
suspects = Asynq("tests.suspects", broker="memory://", set_as_current=False)


@suspects.task
async def process_id():
    return os.getpid()


class Mourned(Task):
    told: ClassVar[list[str]] = []

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        self.told.append(f"{task_id}: {type(exc).__name__}")


@suspects.task(base=Mourned)
def poison():
    os._exit(7)


@suspects.task(time_limit=0.6)
async def limited(): ...


@suspects.task(reject_on_worker_lost=True, bind=True)
def fails_once(self):
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    return self.request.redeliveries


async def crashed(broker, task, *ids, times):
    """Messages that so many workers have vanished with."""
    ids = ids or ("1",)
    body = encode(Message(task=task), "json")
    await broker.publish([Parcel(id=id, queue="default", body=body) for id in ids])
    for _ in range(times):
        held = await broker.receive(["default"], limit=len(ids), wait=5)
        assert len(held) == len(ids)
        verdict = Requeue(crashed=True)
        await broker.settle([Settlement(delivery=each, verdict=verdict) for each in held])


@pytest.fixture
async def broker(namespace):
    suspects.conf.namespace = namespace
    async with suspects:
        yield suspects.broker


@pytest.mark.parametrize(("times", "alone"), [(1, False), (2, True)])
async def test_from_the_second_crash_on_a_task_runs_in_a_process_of_its_own(broker, times, alone):
    await crashed(broker, process_id.name, times=times)
    async with Worker(suspects):
        pid = await suspects.AsyncResult("1").get(timeout=20)
    assert (pid != os.getpid()) is alone


@pytest.mark.parametrize("name", [BEGIN, FAIL, EXPIRE])
async def test_what_moves_workflows_on_runs_alone_for_nobodys_death(name):
    """No process can be handed it, so that all others would wait until it could be the only one."""
    task = build(name, suspects)
    run = Run(
        delivery=Delivery(id="1", queue="default", body=b"", redeliveries=9),
        message=Message(task=name),
        task=task,
        request=Request(id="1", task=name),
    )
    state = WorkerState("w")
    assert not Quarantine(state, lambda: None, Limits(state, lambda run: None)).concerns(run)


async def test_one_that_kills_it_becomes_a_dead_letter_and_who_waits_is_told(broker, caplog):
    await crashed(broker, poison.name, times=2)
    async with Worker(suspects):
        with pytest.raises(WorkerLostError, match="exit code 7"):
            await suspects.AsyncResult("1").get(timeout=20)
    (letter,) = await broker.buried("default")
    assert (letter.id, letter.redeliveries) == ("1", 2)
    assert "exit code 7" in letter.reason
    assert Mourned.told == ["1: WorkerLostError"]
    assert "raised unexpected (kept as a dead letter): WorkerLostError" in caplog.text
    assert await broker.depth("default") == 0


async def test_one_for_which_no_process_can_be_had_is_tried_again_and_not_blamed(
    broker, monkeypatch
):
    start, refused = asyncio.create_subprocess_exec, []

    async def refuse_once(*command, **how):
        if refused:
            return await start(*command, **how)
        refused.append(command)
        raise BlockingIOError("no room for another process")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse_once)
    monkeypatch.setattr(processes, "ANOTHER_TRY", 0.1)
    await crashed(broker, process_id.name, times=2)
    async with Worker(suspects):
        assert await suspects.AsyncResult("1").get(timeout=20) != os.getpid()
    assert refused
    assert await broker.buried("default") == []


async def test_the_time_of_a_suspect_begins_when_there_is_room_for_it(broker, monkeypatch):
    async def run_alone(*_):
        await asyncio.sleep(0.2)
        return Success("in time")

    monkeypatch.setattr(room, "AT_ONCE", 1)
    monkeypatch.setattr(room, "run_alone", run_alone)
    ids = [str(number) for number in range(5)]
    await crashed(broker, limited.name, *ids, times=2)
    async with Worker(suspects):
        for id in ids:
            assert await suspects.AsyncResult(id).get(timeout=20) == "in time"


async def test_a_retry_that_was_survived_ends_the_suspicion(broker):
    await crashed(broker, fails_once.name, times=2)
    async with Worker(suspects):
        assert await suspects.AsyncResult("1").get(timeout=20) == 0


@pytest.fixture
def beside(app):
    """A suspect that no other process can be handed, one that runs beside it, and the rest."""

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
    quarantine = Quarantine(
        state, lambda: opened.append(state.closed), Limits(state, lambda run: None)
    )
    running = quarantine.run(suspect, Pools(threads=1, processes=1))
    return state, other, running, opened


async def test_what_no_other_process_can_be_handed_runs_when_nothing_else_does(beside):
    state, other, running, opened = beside
    running = asyncio.create_task(running)
    await until(lambda: state.closed)
    assert not running.done()
    del state.active[other.delivery]
    state.left.set()
    assert await running == Success(os.getpid())
    assert opened == [False]


async def test_it_does_not_keep_others_waiting_for_ever(beside, monkeypatch):
    monkeypatch.setattr(room, "PATIENCE", 0.05)
    state, _, running, opened = beside
    outcome = await running
    assert isinstance(outcome, Interrupted)
    assert outcome.delay > 0
    assert (opened, state.closed) == ([False], False)


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


async def test_what_waits_for_another_task_meanwhile_gets_it(app, broker):
    @app.task
    async def child():
        return "child"

    @app.task
    async def parent():
        await until(lambda: worker.state.apart)
        return await child.delay().get()

    @app.task
    async def suspect():
        return await child.delay().get()

    await crashed(app.broker, suspect.name, times=2)
    result = await parent.delay()
    async with Worker(app, concurrency=5, grace=0.1) as worker:
        assert await result.get(timeout=10) == "child"
        assert await app.AsyncResult("1").get(timeout=10) == "child"
        assert not worker.state.closed
