"""One delivery, from bytes to settled, whatever its task does."""

import asyncio
import logging
import os
import threading

import pytest
from msgspec import Raw

from asynq import Asynq, Task
from asynq.brokers.base import ACK, SPEND, Parcel, Settlement
from asynq.brokers.memory import MemoryBroker
from asynq.exceptions import EncodeError, PayloadTooLarge, TaskError, WorkerLostError
from asynq.wire.message import Message, encode
from asynq.worker.admission import MAX_REDELIVERIES
from asynq.worker.worker import Worker
from tests.waiting import until

# What runs in another process must be found there by its name.
pooled = Asynq("tests.pooled", broker="memory://", set_as_current=False)


@pooled.task(pool="process")
def process_id():
    return os.getpid()


@pooled.task(pool="process")
def leave(code):
    os._exit(code)


def parcel(id, message):
    body = message if isinstance(message, bytes) else encode(message, "json")
    return Parcel(id=id, queue="default", body=body)


async def buried(broker, count):
    """The dead letters, once there are so many."""
    letters = await broker.buried("default")
    return letters if len(letters) == count else []


@pytest.fixture
async def worker(app):
    """A worker of the app, while its tasks are still being defined."""
    async with Worker(app, concurrency=5) as worker:
        yield worker


# How a task may end


async def test_async_and_plain_functions_return_their_values(app, worker):
    @app.task
    async def here():
        return threading.current_thread().name

    @app.task
    def there():
        return threading.current_thread().name

    assert await here.delay().get(timeout=10) == threading.current_thread().name
    assert (await there.delay().get(timeout=10)).startswith("asynq-task")


@pytest.mark.parametrize(
    "error",
    [ValueError("no"), SystemExit(3), KeyboardInterrupt(), StopIteration(), GeneratorExit()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("defined", ["async", "def"])
async def test_whatever_a_task_raises_ends_the_task_alone(app, worker, error, defined):
    if defined == "async":

        @app.task(name="raises")
        async def raises():
            raise error

    else:

        @app.task(name="raises")
        def raises():
            raise error

    @app.task
    async def fine():
        return "fine"

    result = await raises.delay()
    value = await result.get(timeout=10, propagate=False)
    assert await result.state == "FAILURE"
    # An `async def` can't let StopIteration out: Python makes it a RuntimeError.
    expected = "RuntimeError" if (defined, type(error)) == ("async", StopIteration) else None
    assert (expected or type(error).__name__) in f"{type(value).__name__} {value!r}"
    assert await fine.delay().get(timeout=10) == "fine"


async def test_a_task_that_cancels_itself_has_failed(app, worker):
    @app.task
    async def cancelled():
        raise asyncio.CancelledError

    @app.task
    async def cancels():
        asyncio.current_task().cancel()
        await asyncio.sleep(10)

    for task in (cancelled, cancels):
        with pytest.raises(TaskError, match="cancelled itself"):
            await task.delay().get(timeout=10)


async def test_a_value_that_can_not_be_written_is_an_encode_error(app, worker):
    @app.task(name="odd")
    async def odd(kind):
        return {
            "object": object(),
            "coroutine": asyncio.sleep,
            "generator": (n for n in ()),
            "error": ValueError("x"),
        }[kind]

    for kind in ("object", "coroutine", "generator", "error"):
        with pytest.raises(EncodeError):
            await odd.delay(kind).get(timeout=10)


async def test_a_coroutine_that_is_returned_instead_of_awaited_is_refused(app, worker):
    async def inner(): ...

    forgotten = inner()

    @app.task
    async def outer():
        return forgotten

    with pytest.raises(EncodeError, match="It was never awaited: `await` it in an `async def`"):
        await outer.delay().get(timeout=10)
    forgotten.close()


async def test_a_result_over_the_limit_says_what_to_do(namespace):
    async with Asynq(namespace, broker="memory://", result_max_bytes=2000) as app:

        @app.task
        async def large():
            return "x" * 3000

        async with Worker(app):
            with pytest.raises(PayloadTooLarge, match="store large data elsewhere"):
                await large.delay().get(timeout=10)


async def test_arguments_that_do_not_fit_are_a_type_error_that_names_them(app, worker):
    @app.task
    async def half(number: int) -> int:
        return number // 2

    result = await app.send_task(half.name, ["four"])
    with pytest.raises(TypeError, match=r"half\(\) argument 'number' does not fit .*`int`"):
        await result.get(timeout=10)
    assert (await result.traceback).startswith(f"TypeError: {half.name}() argument")
    with pytest.raises(TypeError, match="half"):
        await app.send_task(half.name, [1, 2, 3]).get(timeout=10)
    with pytest.raises(TypeError, match="half"):
        await app.send_task(half.name, [], {"numbr": 1}).get(timeout=10)


async def test_a_task_in_a_child_process_returns_or_is_lost_with_it():
    async with pooled, Worker(pooled):
        assert await process_id.delay().get(timeout=20) != os.getpid()
        with pytest.raises(WorkerLostError, match="died before the task ended"):
            await leave.delay(3).get(timeout=20)
        assert await process_id.delay().get(timeout=20) != os.getpid()


# What is refused


async def test_what_can_not_be_read_is_kept_aside_and_the_worker_goes_on(app, broker, worker):
    @app.task
    async def fine():
        return "fine"

    pickled = Message(task=fine.name, content="pickle")
    newer = Message(task=fine.name, version=99)
    await broker.publish([parcel("1", b"not a message"), parcel("2", newer), parcel("3", pickled)])
    assert await fine.delay().get(timeout=10) == "fine"
    letters = await until(lambda: buried(broker, 3))
    reasons = {letter.id: letter.reason for letter in letters}
    assert reasons["1"].startswith("DecodeError: ")
    assert "update the workers" in reasons["2"]
    assert reasons["3"].startswith("ContentDisallowed: ")
    assert await broker.depth("default") == 0


async def test_an_unknown_task_waits_for_a_worker_that_knows_it(app, worker):
    result = await app.send_task("comes.later", [4])
    with pytest.raises(TimeoutError):
        await result.get(timeout=0.05)
    assert await result.state == "PENDING"

    @app.task(name="comes.later")
    async def later(x):
        return x

    assert await result.get(timeout=10) == 4


async def test_a_message_whose_workers_vanish_is_kept_aside_and_who_waits_is_told(app, broker):
    ran = []

    @app.task
    async def deadly():
        ran.append(1)

    result = await deadly.delay()
    for _ in range(MAX_REDELIVERIES):
        vanishing = app.connect_broker()
        assert await vanishing.receive(["default"], limit=1, wait=5)
        await vanishing.aclose()
    async with Worker(app):
        with pytest.raises(WorkerLostError, match="20 workers vanished"):
            await result.get(timeout=10)
    assert not ran
    assert await buried(broker, 1)


# What is logged


async def test_each_run_is_told_in_celerys_words(app, worker, caplog):
    @app.task(name="good")
    async def good():
        return 2

    @app.task(name="bad", throws=(KeyError,))
    async def bad(kind):
        raise {"expected": KeyError, "unexpected": ValueError}[kind]("k")

    with caplog.at_level(logging.INFO, "asynq.worker"):
        ok = await good.delay()
        await ok.get(timeout=10)
        for kind in ("expected", "unexpected"):
            await bad.delay(kind).get(timeout=10, propagate=False)
        await until(lambda: "raised unexpected" in caplog.text)
    assert f"Task good[{ok.id}] received" in caplog.messages
    assert any(m.startswith(f"Task good[{ok.id}] succeeded in ") for m in caplog.messages)
    told = {
        record.getMessage().partition("] ")[2]: record.levelname
        for record in caplog.records
        if record.getMessage().startswith("Task bad[")
    }
    assert told["raised expected: KeyError('k')"] == "INFO"
    [unexpected] = [text for text in told if text.startswith("raised unexpected: ValueError('k')")]
    assert told[unexpected] == "ERROR"
    assert "Traceback" in unexpected


async def test_a_value_is_shown_on_one_short_line_whatever_its_repr_does(app, worker, caplog):
    class Rude(str):
        def __repr__(self):
            raise RuntimeError

    @app.task(name="rude")
    async def rude():
        return Rude("x")

    @app.task(name="long")
    async def long():
        return "x\n" * 1000

    with caplog.at_level(logging.INFO, "asynq.worker"):
        await long.delay().get(timeout=10)
        await rude.delay().get(timeout=10, propagate=False)
        await until(lambda: any("Task rude[" in m and "received" not in m for m in caplog.messages))
    [told] = [m for m in caplog.messages if m.startswith("Task long[") and "succeeded" in m]
    assert len(told) < 400
    assert "\n" not in told


# What is interrupted


async def test_a_run_whose_lease_is_lost_is_stopped_and_settles_nothing(app, broker, caplog):
    begun, ended = asyncio.Event(), asyncio.Event()

    @app.task(name="runs")
    async def runs():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    worker = Worker(app)
    async with worker:
        result = await runs.delay()
        await begun.wait()
        [active] = worker.state.active.values()
        active.interrupt("its lease was lost", lost=True)
        await ended.wait()
        await until(lambda: not worker.state.active)
        assert await result.state == "PENDING"
        assert await broker.depth("default") == 1
    assert f"Task runs[{result.id}] dropped after" in caplog.text


async def test_an_error_that_cutting_it_off_has_caused_is_no_failure(app, broker):
    begun = asyncio.Event()

    @app.task(name="untidy")
    async def untidy():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ConnectionError("the library's answer to being cancelled")

    async with Worker(app, grace=0):
        result = await untidy.delay()
        await begun.wait()
    assert await result.state == "PENDING"
    assert await broker.depth("default") == 1


@pytest.mark.parametrize(("lost", "state"), [(True, "PENDING"), (False, "SUCCESS")])
async def test_a_value_returned_in_spite_of_it_counts_as_long_as_it_is_ours(app, lost, state):
    begun = asyncio.Event()

    @app.task(name="stubborn")
    async def stubborn():
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "all the same"

    async with Worker(app) as worker:
        result = await stubborn.delay()
        await begun.wait()
        [active] = worker.state.active.values()
        active.interrupt("its lease was lost", lost=lost)
        await until(lambda: not worker.state.active)
    assert await result.state == state


async def test_unreadable_arguments_are_told_to_the_hooks_too(app, worker, broker):
    told = []

    class Hooked(Task):
        def on_failure(self, exc, task_id, args, kwargs, einfo):
            told.append((task_id, type(exc)))

    @app.task(name="typed", base=Hooked)
    async def typed(number: int): ...

    message = Message(task="typed", args=Raw(b'["no number"]'))
    await broker.publish([parcel("1", message)])
    with pytest.raises(TypeError):
        await app.AsyncResult("1").get(timeout=10)
    assert told == [("1", TypeError)]


async def test_a_hook_that_hears_of_them_can_be_cut_off(app, broker):
    told = asyncio.Event()

    class Hooked(Task):
        async def on_failure(self, exc, task_id, args, kwargs, einfo):
            told.set()
            await asyncio.Event().wait()

    @app.task(name="typed", base=Hooked)
    async def typed(number: int): ...

    async with Worker(app, grace=0) as worker:
        await broker.publish([parcel("1", Message(task="typed", args=Raw(b'["no number"]')))])
        await told.wait()
        worker.stop()
        await until(lambda: not worker.state.active)
    assert await broker.depth("default") == 1


async def test_a_lease_that_is_lost_while_the_end_is_told_settles_nothing(app):
    told, go_on = asyncio.Event(), asyncio.Event()

    class Hooked(Task):
        async def on_failure(self, exc, task_id, args, kwargs, einfo):
            told.set()
            await go_on.wait()

    @app.task(base=Hooked, time_limit=0.05)
    async def slow():
        await asyncio.sleep(60)

    async with Worker(app) as worker:
        result = await slow.delay()
        await told.wait()
        [active] = worker.state.active.values()
        active.interrupt("its lease was lost", lost=True)
        go_on.set()
        await until(lambda: not worker.state.active)
        assert await result.state == "PENDING"


# Acknowledged before it runs


async def test_the_message_of_an_early_acknowledged_task_is_spent_before_it_runs(
    app, worker, monkeypatch
):
    settle, seen = MemoryBroker.settle, []

    async def watched(broker, settlements):
        seen.extend(each.verdict for each in settlements)
        return await settle(broker, settlements)

    @app.task(acks_late=False)
    async def early():
        seen.append("it runs")

    monkeypatch.setattr(MemoryBroker, "settle", watched)
    await early.delay().get(timeout=10)
    assert seen == [SPEND, "it runs", ACK]


async def test_one_that_a_vanished_worker_had_spent_has_failed(app, broker):
    ran = []

    @app.task(acks_late=False)
    async def early():
        ran.append(1)

    result = await early.delay()
    [delivery] = await broker.receive(["default"], limit=1, wait=5)
    await broker.settle([Settlement(delivery=delivery, verdict=SPEND)])
    await broker.aclose()
    async with Worker(app):
        with pytest.raises(WorkerLostError, match="vanished while it ran, and with acks"):
            await result.get(timeout=10)
    assert ran == []


async def test_it_is_not_acknowledged_before_there_is_room_for_it(app, broker):
    begun, go_on = [], threading.Event()

    @app.task(acks_late=False)
    def early(number):
        begun.append(number)
        go_on.wait(10)

    async with Worker(app, threads=1, grace=0) as worker:
        await early.delay(1)
        await until(lambda: begun)
        await early.delay(2)
        await until(lambda: len(worker.state.active) == 2)
        worker.stop()
    go_on.set()
    assert begun == [1]
    assert await broker.depth("default") == 1


async def test_one_whose_worker_stops_while_it_is_acknowledged_is_not_lost(app, monkeypatch):
    ran = []

    @app.task(acks_late=False)
    async def early():
        ran.append(1)

    settle, asked, answer = MemoryBroker.settle, asyncio.Event(), asyncio.Event()

    async def slowly(broker, settlements):
        asked.set()
        await answer.wait()
        return await settle(broker, settlements)

    monkeypatch.setattr(MemoryBroker, "settle", slowly)
    async with Worker(app, grace=0) as worker:
        result = await early.delay()
        await asked.wait()
        worker.stop()
        await until(lambda: worker.state.active and all_cut_off(worker))
        answer.set()
    assert ran == []
    async with Worker(app):
        await result.get(timeout=10)
    assert ran == [1]


def all_cut_off(worker):
    return all(run.cut_off is not None for run in worker.state.active.values())
