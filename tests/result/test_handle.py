import asyncio
import builtins

import pytest

from asynq import states
from asynq.backends.memory import MemoryBackend
from asynq.brokers.base import StoredRecord
from asynq.exceptions import (
    OperationalError,
    ResultLost,
    TaskError,
    TaskRevokedError,
    TimeoutError,
)
from asynq.result.handle import AsyncResult, EagerResult
from asynq.result.reading import Results, Update
from asynq.wire.attempts import Attempt
from asynq.wire.failures import Failure
from asynq.wire.record import Record, encode
from asynq.wire.serialization import encode_value

pytestmark = pytest.mark.both_loops


@pytest.fixture
async def backend(namespace):
    backend = MemoryBackend("memory://", namespace=namespace)
    yield backend
    await backend.aclose()


@pytest.fixture
def results(backend):
    return Results(backend=lambda: backend, accept=lambda: ["json"])


async def store(backend, id, value=None, *, status=states.SUCCESS, error=None):
    raw, content = encode_value(value)
    if error is not None:
        record = Record(status=states.FAILURE, error=Failure.of(error), done=1000)
    else:
        record = Record(status=status, result=raw, content=content, done=1000)
    body = encode(record, "json")
    await backend.store([StoredRecord(id=id, body=body, final=record.final)])


async def until(condition):
    while not condition():
        await asyncio.sleep(0)


async def test_a_value_is_waited_for(backend, results):
    waiting = asyncio.create_task(AsyncResult("1", results).get(timeout=5))
    await asyncio.sleep(0)
    await store(backend, "1", 8)
    assert await waiting == 8


async def test_awaiting_the_result_is_get(backend, results):
    await store(backend, "1", 8)
    assert await AsyncResult("1", results) == 8
    assert await AsyncResult("1", results).wait() == 8


async def test_a_second_waiter_gets_the_same_result(backend, results):
    result = AsyncResult("1", results)
    both = asyncio.gather(result.get(), result.get(), AsyncResult("1", results).get())
    await asyncio.sleep(0)
    await store(backend, "1", 8)
    assert await both == [8, 8, 8]


async def test_the_tasks_error_is_raised(backend, results):
    await store(backend, "1", error=ValueError("boom"))
    result = AsyncResult("1", results)
    for _ in range(2):
        with pytest.raises(ValueError, match="boom"):
            await result
    assert await result.failed()


async def test_the_tasks_error_is_returned_where_it_shall_not_be_raised(backend, results):
    await store(backend, "1", error=ValueError("boom"))
    assert isinstance(await AsyncResult("1", results).get(propagate=False), ValueError)


def test_without_an_app_it_says_where_to_get_one():
    with pytest.raises(TypeError, match=r"has no app to be read with: write app\.AsyncResult\("):
        AsyncResult("x")


async def test_a_timeout_is_a_number(results):
    with pytest.raises(TypeError, match=r"get\(\): timeout: expected seconds, got 'x'"):
        await AsyncResult("1", results).get(timeout="x")


@pytest.mark.parametrize("timeout", [0.01, 0])
async def test_a_result_that_does_not_come_in_time_is_a_timeout(backend, results, timeout):
    await store(backend, "1", status="STARTED")
    with pytest.raises(TimeoutError, match=f"no result of 1 within {timeout} s; the task goes on"):
        await AsyncResult("1", results).get(timeout=timeout)


@pytest.mark.parametrize("timeout", [0.01, 0])
async def test_a_timeout_asks_for_a_worker_where_nothing_is_known_of_the_task(results, timeout):
    started = f"within {timeout} s; nothing is known to have started it: does a worker serve its"
    with pytest.raises(TimeoutError, match=started):
        await AsyncResult("1", results).get(timeout=timeout)


async def test_a_result_that_comes_with_the_timeout_counts(backend, results, monkeypatch):
    async def wait(id, *, announced, timeout):
        await store(backend, id, 8)
        raise builtins.TimeoutError

    monkeypatch.setattr(backend, "wait", wait)
    assert await AsyncResult("1", results).get(timeout=5) == 8


async def test_a_timeout_is_one_too_where_a_last_look_fails(backend, results, monkeypatch):
    async def fetch(ids):
        raise OperationalError("gone")

    monkeypatch.setattr(backend, "fetch", fetch)
    with pytest.raises(TimeoutError, match=r"within 0\.01 s; the task goes on"):
        await AsyncResult("1", results).get(timeout=0.01)


async def test_no_time_at_all_is_enough_for_a_result_that_is_there(backend, results):
    await store(backend, "1", 8)
    assert await AsyncResult("1", results).get(timeout=0) == 8


async def test_nothing_is_waited_for_where_the_result_is_ignored(results):
    assert await AsyncResult("1", results, ignored=True).get() is None


async def test_what_is_known_of_a_result(backend, results):
    result = AsyncResult("1", results)
    assert await result.state == "PENDING"
    assert not await result.ready()
    assert not await result.exists()
    await store(backend, "1", {"done": 1}, status="PROGRESS")
    assert await result.status == "PROGRESS"
    assert await result.info == {"done": 1}
    assert await result.exists()
    await store(backend, "1", 8)
    assert await result.result == 8
    assert await result.successful()
    assert not await result.failed()
    assert (await result.date_done).timestamp() == 1.0
    assert await result.traceback is None
    assert await result.retries == 0
    assert [attempt.state for attempt in await result.attempts] == ["SUCCESS"]
    assert await result.worker is None
    assert await result.name is None
    assert await result.args is None
    assert await result.kwargs is None
    assert await result.queue is None


async def test_a_forgotten_await_is_no_decision(results):
    with pytest.raises(TypeError, match=r"await result\.ready\(\)"):
        bool(AsyncResult("1", results).ready())


async def test_updates_begin_with_the_current_state_and_end_with_the_final_one(backend, results):
    result = AsyncResult("1", results)
    seen = []

    async def watch():
        async for update in result.updates():
            seen.append((update.state, update.info))  # noqa: PERF401 - looked at meanwhile

    await store(backend, "1", 1, status="PROGRESS")
    watching = asyncio.create_task(watch())
    await until(lambda: len(seen) == 1)
    await store(backend, "1", 2, status="PROGRESS")
    await until(lambda: len(seen) == 2)
    await store(backend, "1", 8)
    await watching
    assert seen == [("PROGRESS", 1), ("PROGRESS", 2), ("SUCCESS", 8)]
    assert [update.state async for update in result.updates()] == ["SUCCESS"]


async def test_a_forgotten_result_is_pending_again(backend, results):
    await store(backend, "1", 8)
    result = AsyncResult("1", results)
    assert await result == 8
    await result.forget()
    assert await result.state == "PENDING"


def test_results_are_equal_by_their_ids():
    one, other = AsyncResult("1", None), AsyncResult("1", None)
    assert one == other == "1"
    assert one != AsyncResult("2", None)
    assert one != 1
    assert {one, other, "1"} == {"1"}
    assert one.task_id == str(one) == "1"
    assert repr(one) == "<AsyncResult: 1>"


def test_what_was_sent_alone_has_no_children():
    assert AsyncResult("1", None).children == []


class Noting:
    """What handles reach tasks by, and what it was told."""

    def __init__(self):
        self.told = []

    async def revoke(self, task_id, **options):
        self.told.append(("revoke", task_id, options))

    async def reschedule(self, task_id, **options):
        self.told.append(("reschedule", task_id, options))
        return True


async def test_revoking_and_rescheduling_reach_the_task(backend):
    reach = Noting()
    result = AsyncResult("1", Results(lambda: backend, lambda: ["json"], reach))
    await result.revoke(terminate=True)
    assert await result.reschedule(countdown=3)
    (what, id, options), later = reach.told
    assert (what, id, options["terminate"]) == ("revoke", "1", True)
    assert later == ("reschedule", "1", {"countdown": 3, "eta": None})


async def test_a_handle_without_an_app_says_who_can_revoke(results):
    with pytest.raises(RuntimeError, match=r"app\.control\.revoke"):
        await AsyncResult("1", results).revoke()
    with pytest.raises(RuntimeError, match=r"app\.control\.reschedule"):
        await AsyncResult("1", results).reschedule(countdown=1)


async def put(backend, **fields):
    record = Record(**fields)
    await backend.store([StoredRecord(id="1", body=encode(record, "json"), final=record.final)])


@pytest.mark.parametrize("reason", ["revoked", "expired", "terminated"])
async def test_a_revoked_task_raises_where_it_is_waited_for(backend, results, reason):
    await put(backend, status="REVOKED", error=Failure.of(TaskRevokedError(reason)))
    result = AsyncResult("1", results)
    with pytest.raises(TaskRevokedError, match=reason):
        await result
    assert await result.ready()
    assert not await result.failed()


async def test_a_task_that_is_retried_is_not_over_and_shows_its_error(backend, results):
    before = Attempt(started=1.0, seconds=0.5, worker="w", state="RETRY", error="KeyError: 'k'")
    error = Failure.of(KeyError("k"))
    await put(backend, status="RETRY", error=error, retries=1, attempts=(before,))
    result = AsyncResult("1", results)
    assert await result.state == "RETRY"
    assert not await result.ready()
    assert isinstance(await result.result, KeyError)
    assert await result.traceback == error.traceback
    assert await result.retries == 1
    assert await result.attempts == [before]
    with pytest.raises(TimeoutError):
        await result.get(timeout=0)


@pytest.mark.parametrize(
    ("status", "raised"), [("FAILURE", TaskError), ("REVOKED", TaskRevokedError)]
)
async def test_an_end_without_an_error_is_an_error_all_the_same(backend, results, status, raised):
    raw, content = encode_value({"left": 3})
    await put(backend, status=status, result=raw, content=content)
    with pytest.raises(raised, match=f"{status}: {{'left': 3}}"):
        await AsyncResult("1", results)


async def test_a_lost_result_is_an_error_that_says_so(results, backend, monkeypatch):
    async def wait(id, *, announced, timeout):
        raise ResultLost("the server came back without its data")

    monkeypatch.setattr(backend, "wait", wait)
    with pytest.raises(ResultLost):
        await AsyncResult("1", results).get(timeout=5)


async def test_an_eager_result_is_there_at_once():
    result = EagerResult("1", None, Update(state="FAILURE", result=KeyError("k"), traceback="tb"))
    assert await result.state == "FAILURE"
    assert await result.traceback == "tb"
    assert [update.state async for update in result.updates()] == ["FAILURE"]
    with pytest.raises(KeyError):
        await result
    await result.forget()
    await result.revoke(terminate=True)
    assert not await result.reschedule(countdown=1)
    assert await result.ready()
