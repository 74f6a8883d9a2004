"""An app in memory: calls run, or are kept to be looked at."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from asynq import Asynq, Reject, TaskRevokedError
from asynq._memory import space as spaces
from asynq.testing import assert_enqueued, in_memory


@dataclass
class Person:
    name: str
    born: date


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Asynq:
    # What the app and the environment name is not there: it must not be touched.
    monkeypatch.setenv("ASYNQ_RESULT_BACKEND", "redis://nowhere.invalid:1")
    app = Asynq("proj", broker="redis://nowhere.invalid:1", set_as_current=False)

    @app.task(name="proj.add")
    async def add(x: int, y: int = 4) -> int:
        return x + y

    @app.task(name="proj.double")
    def double(x: int) -> int:
        time.sleep(0.001)
        return 2 * x

    @app.task(name="proj.greet", queue="people")
    async def greet(person: Person) -> str:
        return f"Hello {person.name}, born {person.born.year}"

    @app.task(name="proj.spread", bind=True)
    async def spread(self, depth: int) -> None:
        if depth:
            await self.delay(depth - 1)
            await self.delay(depth - 1)

    @app.task(name="proj.again", bind=True)
    async def again(self) -> int:
        if self.request.retries < 2:
            raise self.retry()
        return self.request.retries

    @app.task(name="proj.refuse")
    async def refuse() -> None:
        raise Reject("no")

    return app


@contextmanager
def takes_at_most(seconds: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


async def test_a_call_runs_in_the_block(app):
    add, double = app.tasks["proj.add"], app.tasks["proj.double"]
    async with in_memory(app):
        assert await add.delay(4, 4).get(timeout=10) == 8
        assert await double.delay(4).get(timeout=10) == 8


async def test_values_travel_as_they_do_elsewhere(app):
    ada = Person("Ada", date(1815, 12, 10))
    async with in_memory(app) as outbox:
        greeting = await app.tasks["proj.greet"].delay(ada).get(timeout=10)
        assert greeting == "Hello Ada, born 1815"
        assert outbox[0].args == (ada,)
        assert outbox[0].args[0] is not ada


async def test_each_block_begins_with_nothing(app):
    add = app.tasks["proj.add"]
    async with in_memory(app, worker=False) as outbox:
        result = await add.delay(1)
        assert len(outbox) == 1
    async with in_memory(app) as outbox:
        await outbox.drained()
        assert len(outbox) == 0
        assert await app.AsyncResult(result.id).state == "PENDING"


async def test_after_the_block_the_app_is_as_it_was(app):
    before = app.conf.broker_url, app.conf.result_backend
    async with in_memory(app, task_default_queue="tests"):
        assert app.conf.broker_url.startswith("memory://")
        assert app.conf.task_default_queue == "tests"
    assert (app.conf.broker_url, app.conf.result_backend) == before
    assert app.conf.task_default_queue == "default"


async def test_draining_waits_for_what_tasks_send(app):
    async with in_memory(app) as outbox:
        await app.tasks["proj.spread"].delay(3)
        await outbox.drained()
        outbox.assert_enqueued("proj.spread", times=15)
        outbox.assert_enqueued("proj.spread", args=(0,), times=8)


async def test_draining_does_not_wait_for_what_is_delayed(app):
    async with in_memory(app) as outbox:
        await app.tasks["proj.add"].apply_async((1,), countdown=3600)
        with takes_at_most(5):
            await outbox.drained()


async def test_what_is_delayed_can_be_run_at_once(app):
    async with in_memory(app) as outbox:
        later = await app.tasks["proj.add"].apply_async((1,), countdown=3600)
        retried = await app.tasks["proj.again"].delay()
        with takes_at_most(5):
            await outbox.drained(delayed=True)
        assert await later.get(timeout=5) == 5
        assert await retried.get(timeout=5) == 2
        assert [attempt.state for attempt in await retried.attempts] == [
            "RETRY",
            "RETRY",
            "SUCCESS",
        ]


async def test_what_is_delayed_where_nobody_serves_is_said(app):
    async with in_memory(app, queues=["default"]) as outbox:
        await app.tasks["proj.add"].apply_async((1,), queue="far", countdown=3600)
        with pytest.raises(AssertionError, match="in a queue nobody serves"):
            await outbox.drained(timeout=0.05, delayed=True)


async def test_revocations_and_dead_letters_do_not_outlive_the_block(app):
    add = app.tasks["proj.add"]
    async with in_memory(app):
        revoked = await add.apply_async((1,), countdown=3600, task_id="the-same")
        await revoked.revoke()
        with pytest.raises(TaskRevokedError):
            await revoked.get(timeout=5)
        await app.tasks["proj.refuse"].delay().get(timeout=5, propagate=False)
        assert await app.dead.count() == 1
    async with in_memory(app):
        assert await add.apply_async((1,), task_id="the-same").get(timeout=5) == 5
        assert await app.dead.count() == 0


async def test_draining_says_where_something_is_left(app):
    async with in_memory(app, queues=["default"]) as outbox:
        await app.tasks["proj.add"].apply_async((1,), queue="far")
        with pytest.raises(AssertionError, match=r"after 0.05 s .* in: far"):
            await outbox.drained(timeout=0.05)


async def test_a_call_is_found_however_it_was_written(app):
    add = app.tasks["proj.add"]
    async with in_memory(app, worker=False) as outbox:
        await add.delay(1, y=4)
        await add.delay(1)
        await add.delay(x=2)
        await app.send_task("proj.add", (1, 4))
        assert len(outbox.enqueued(add, args=(1, 4))) == 3
        assert len(outbox.enqueued(add, kwargs={"x": 1})) == 3
        assert len(outbox.enqueued("proj.add")) == 4
        assert_enqueued(add, args=(2,), times=1)
        assert_enqueued(add, args=(3,), times=0)


async def test_rich_arguments_are_compared_by_value(app):
    greet = app.tasks["proj.greet"]
    async with in_memory(app, worker=False):
        await greet.delay(Person("Ada", date(1815, 12, 10)))
        assert_enqueued(greet, args=(Person("Ada", date(1815, 12, 10)),), queue="people")
        assert_enqueued(greet, args=(Person("Bob", date(1815, 12, 10)),), times=0)


async def test_what_was_sent_can_be_read(app):
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0) + timedelta(days=300)
    async with in_memory(app, worker=False) as outbox:
        await app.send_task(
            "other.task", [1, "a"], {"k": {2}}, eta=noon, priority=9, headers={"user": "ada"}
        )
        (sent,) = list(outbox)
        assert (sent.task, sent.args, sent.kwargs) == ("other.task", (1, "a"), {"k": {2}})
        assert (sent.priority, sent.eta, sent.headers) == (9, noon, {"user": "ada"})
        assert str(sent) == "other.task(1, 'a', k={2}) to default, not before 12:00:00"
        outbox.assert_enqueued("other.task", args=(1, "a"), kwargs={"k": {2}})
        outbox.clear()
        outbox.assert_enqueued("other.task", times=0)


async def test_a_failed_assertion_shows_what_was_sent(app):
    add = app.tasks["proj.add"]
    async with in_memory(app, worker=False) as outbox:
        with pytest.raises(AssertionError, match="nothing"):
            assert_enqueued(add)
        await add.delay(1, y=2)
        with pytest.raises(AssertionError) as caught:
            outbox.assert_enqueued(add, args=(3,), queue="far", times=2)
    assert str(caught.value) == (
        "expected proj.add(3) to far to be sent 2 times, it was 0 times; sent were:\n"
        "  proj.add(1, y=2) to default"
    )


async def test_asserting_outside_a_block_says_what_to_do(app):
    with pytest.raises(RuntimeError, match="in_memory"):
        assert_enqueued(app.tasks["proj.add"])
    async with in_memory(app, worker=False):
        pass
    with pytest.raises(RuntimeError, match="in_memory"):
        assert_enqueued(app.tasks["proj.add"])


async def test_a_delayed_call_runs_when_it_is_due(app):
    async with in_memory(app):
        result = await app.tasks["proj.add"].apply_async((4, 4), countdown=0.05)
        assert await result.get(timeout=10) == 8
        later = datetime.now(UTC) + timedelta(seconds=0.05)
        assert await (await app.tasks["proj.add"].apply_async((1, 1), eta=later)).get(10) == 2


async def test_two_apps_of_one_name_do_not_meet(app):
    twin = Asynq("proj", set_as_current=False)
    async with in_memory(app, worker=False), in_memory(twin) as outbox:
        await app.tasks["proj.add"].delay(1)
        await outbox.drained()
        assert await app.broker.depth("default") == 1


async def test_many_calls_at_once(app):
    add = app.tasks["proj.add"]
    async with in_memory(app, concurrency=50):
        async with asyncio.timeout(20):
            sums = await asyncio.gather(*(add.delay(n, n).get() for n in range(500)))
    assert sums == [2 * n for n in range(500)]


async def test_nothing_is_kept_of_an_app_that_is_gone():
    app = Asynq("gone", set_as_current=False)
    async with in_memory(app):
        pass
    assert any(space == "gone" for _, space in spaces._spaces)
    del app
    gc.collect()
    assert not any(space == "gone" for _, space in spaces._spaces)


async def test_the_steps_of_a_workflow_are_seen_as_they_begin(app):
    @app.task
    async def double(x: int) -> int:
        if x < 0:
            raise ValueError(x)
        return 2 * x

    async with in_memory(app) as outbox:
        assert await (double.s(1) | double.s()).delay().get(timeout=5) == 4
        failing = await (double.s(-1) | double.s()).delay()
        await outbox.drained()
        assert await failing.failed()
        # A step's own arguments: what the one before it brings is not known when it is sent. What
        # moves workflows on is none of the tests' business.
        assert [(sent.task, sent.args) for sent in outbox] == [
            (double.name, (1,)),
            (double.name, ()),
            (double.name, (-1,)),
        ]
