"""Who watches a worker is told of all that it does with deliveries, in whatever process it runs."""

import asyncio
import time

import pytest

from asynq import Asynq, Ignore, Reject, Worker
from asynq.brokers.base import Parcel
from asynq.exceptions import Retry
from asynq.wire.message import Message, encode
from tests.waiting import until

# What runs in another process must be found there by its name.
pooled = Asynq("tests.watched", broker="memory://", set_as_current=False)


@pooled.task(pool="process")
def square(number):
    return number * number


class Noting:
    def __init__(self):
        self.told = []
        self.waited = {}

    def begun(self, run, waited):
        self.told.append(("begun", run.task.name))
        self.waited[run.id] = waited

    def ended(self, run, outcome):
        self.told.append((type(outcome).__name__, run.task.name))

    def refused(self, refusal):
        self.told.append(("refused", str(refusal.error)[:15]))


@pytest.fixture
async def watched(app):
    """A worker with somebody who watches it, and what that one was told."""
    async with Worker(app, concurrency=5) as worker:
        noting = Noting()
        worker.watch(noting)
        yield noting


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (None, "Success"),
        (ValueError("no"), "Failed"),
        (Ignore(), "Ignored"),
        (Reject("no"), "Rejected"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_it_is_told_how_a_run_begins_and_ends(app, watched, raised, outcome):
    @app.task(name="ends")
    async def ends():
        if raised is not None:
            raise raised

    await ends.delay()
    await until(lambda: len(watched.told) == 2)
    assert watched.told == [("begun", "ends"), (outcome, "ends")]


async def test_every_run_of_a_retried_task_counts(app, watched):
    @app.task(name="again", bind=True)
    async def again(self):
        if self.request.retries < 2:
            raise Retry(when=0)
        return self.request.retries

    assert await again.delay().get(timeout=10) == 2
    ends = [outcome for outcome, _ in watched.told if outcome != "begun"]
    assert ends == ["Retrying", "Retrying", "Success"]


async def test_what_does_not_run_is_told_as_refused(app, broker, watched):
    bodies = {"a": b"nonsense", "b": encode(Message(task="nobody.knows"), "json")}
    for id, body in bodies.items():
        await broker.publish([Parcel(id=id, queue="default", body=body)])
    await until(lambda: len(watched.told) == 2)
    assert {what for what, _ in watched.told} == {"refused"}
    assert "no task 'nobody" in {text for _, text in watched.told}


async def test_it_is_told_of_what_runs_in_a_child_process():
    async with pooled, Worker(pooled, concurrency=1, child_processes=1) as worker:
        noting = Noting()
        worker.watch(noting)
        assert await square.delay(7).get(timeout=30) == 49
    assert noting.told == [("begun", square.name), ("Success", square.name)]


async def test_a_delayed_task_waits_from_when_it_was_due(app, watched):
    @app.task(name="late")
    async def late():
        return None

    sent = time.monotonic()
    result = await late.apply_async(countdown=0.4)
    await result.get(timeout=10)
    assert 0 <= watched.waited[result.id] <= time.monotonic() - sent - 0.35


async def test_a_task_waits_while_there_is_no_slot(app):
    gate = asyncio.Event()

    @app.task(name="blocks")
    async def blocks():
        await gate.wait()

    async with Worker(app, concurrency=1) as worker:
        noting = Noting()
        worker.watch(noting)
        first, second = await blocks.delay(), await blocks.delay()
        await until(lambda: noting.told)
        begun = time.monotonic()
        await until(lambda: time.monotonic() - begun > 0.2)
        gate.set()
        await second.get(timeout=10)
    assert noting.waited[second.id] >= 0.2
    assert noting.waited[first.id] < noting.waited[second.id]


async def test_one_that_fails_harms_no_task(app, watched, caplog):
    class Broken(Noting):
        def begun(self, run, waited):
            raise KeyError("mine")

        ended = refused = begun

    @app.task(name="fine")
    async def fine():
        return "fine"

    async with Worker(app, queues="other") as worker:
        broken = Broken()
        worker.watch(broken)
        after = Noting()
        worker.watch(after)
        assert await fine.apply_async(queue="other").get(timeout=10) == "fine"
        await until(lambda: len(after.told) == 2)
    assert "which watches the worker, has failed" in caplog.text
