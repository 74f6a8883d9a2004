"""One run of one task: whatever the function does, a value comes out."""

import asyncio
import contextvars
import threading
from types import SimpleNamespace

import pytest

from asynq.exceptions import Ignore, Reject
from asynq.execution.outcome import Failed, Success
from asynq.execution.pools import Pools
from asynq.execution.run import run, run_here
from asynq.execution.terms import Terms
from asynq.request import Request, current

mark = contextvars.ContextVar("mark", default=None)


def a_task(target, pool="loop", throws=()):
    return SimpleNamespace(
        name="a.task", pool=pool, target=target, throws=throws, terms=Terms(), returned=None
    )


@pytest.fixture
def pools():
    pools = Pools(threads=2, processes=1)
    yield pools
    pools.close()


async def go(target, pools, *args, pool="loop", throws=(), **kwargs):
    return await run(a_task(target, pool, throws), Request(id="1"), args, kwargs, pools)


async def test_a_coroutine_gives_its_value(pools):
    async def add(x, y):
        await asyncio.sleep(0)
        return x + y

    assert await go(add, pools, 1, y=2) == Success(3)


async def test_a_function_runs_in_a_thread(pools):
    outcome = await go(threading.current_thread, pools, pool="thread")
    assert outcome.value is not threading.main_thread()


@pytest.mark.parametrize("pool", ["loop", "thread"])
async def test_the_request_is_there_while_it_runs(pools, pool):
    def look():
        return current.get().id

    assert await go(look, pools, pool=pool) == Success("1")


@pytest.mark.parametrize("pool", ["loop", "thread"])
@pytest.mark.parametrize(
    "error",
    [ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration(1)],
)
async def test_whatever_is_raised_becomes_a_failure(pools, pool, error):
    def fail():
        raise error

    outcome = await go(fail, pools, pool=pool)
    assert isinstance(outcome, Failed)
    assert outcome.error is error
    assert not outcome.expected


async def test_errors_named_in_throws_are_expected(pools):
    async def fail():
        raise KeyError("k")

    outcome = await go(fail, pools, throws=(LookupError,))
    assert outcome.expected


async def test_the_traceback_begins_in_the_task(pools):
    async def fail():
        raise ValueError("boom")

    outcome = await go(fail, pools)
    assert "in fail" in outcome.failure.traceback
    assert "execution/run.py" not in outcome.failure.traceback


async def test_cancellation_from_outside_is_not_swallowed(pools):
    started = asyncio.Event()

    async def wait():
        started.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(go(wait, pools))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_run_here_leaves_the_callers_context_alone():
    async def change():
        mark.set("changed")
        return current.get().id

    outcome = await run_here(a_task(change), Request(id="7"), (), {})
    assert outcome == Success("7")
    assert mark.get() is None
    assert current.get() is None


async def test_an_error_whose_own_methods_fail_is_a_failure_like_any_other(pools):
    class Unspeakable(Ignore):
        def __str__(self):
            raise RuntimeError("no words")

    class Unfinished(Reject):
        def __init__(self):
            pass

    async def fail(kind):
        raise kind

    for kind, error in ((Unspeakable, RuntimeError), (Unfinished, AttributeError)):
        outcome = await go(fail, pools, kind)
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, error)
