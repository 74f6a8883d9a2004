"""Threads for `def` tasks: bounded, reused, with their caller's context, never in the way."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from asynq.execution.threads import ThreadPool

place = ContextVar("place", default="nowhere")


@pytest.fixture
def pool():
    pool = ThreadPool(2, name="asynq-test-pool")
    yield pool
    pool.close()


async def test_a_call_runs_in_a_thread_and_gives_its_value(pool):
    assert await pool.run(threading.current_thread) is not threading.current_thread()


async def test_an_error_comes_back_as_itself(pool):
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 / 0)


async def test_system_exit_ends_the_call_and_not_the_thread(pool):
    def leave():
        raise SystemExit(3)

    # Through a future, as the task wrapper never lets it: a value is what comes back there.
    with pytest.raises(RuntimeError, match="caught"):
        await pool.run(lambda: _guarded(leave))
    assert await pool.run(lambda: "alive") == "alive"


def _guarded(call):
    try:
        call()
    except BaseException as error:
        raise RuntimeError("caught") from error


async def test_a_call_sees_the_context_of_its_caller_and_can_not_change_it(pool):
    place.set("here")

    def look():
        seen = place.get()
        place.set("there")
        return seen

    assert await pool.run(look) == "here"
    assert place.get() == "here"


async def test_no_more_calls_run_at_once_than_there_are_threads(pool):
    running = 0
    most = 0
    lock = threading.Lock()
    both = threading.Barrier(2, timeout=5)

    def work():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()
        with lock:
            running -= 1

    await asyncio.gather(*(pool.run(work) for _ in range(6)))
    assert most == 2


async def test_threads_are_reused(pool):
    names = {await pool.run(lambda: threading.current_thread().name) for _ in range(20)}
    assert len(names) <= pool.size


async def test_a_cancelled_call_that_waits_for_a_thread_never_runs():
    pool = ThreadPool(1)
    gate = threading.Event()
    ran = []
    busy = asyncio.create_task(pool.run(gate.wait))
    waiting = asyncio.create_task(pool.run(lambda: ran.append(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    gate.set()
    await busy
    await pool.run(lambda: None)
    assert ran == []
    pool.close()


async def test_a_closed_pool_takes_nothing_and_its_threads_end():
    pool = ThreadPool(1)
    thread = await pool.run(threading.current_thread)
    pool.close()
    thread.join(5)
    assert not thread.is_alive()
    with pytest.raises(RuntimeError, match="closed"):
        await pool.run(lambda: None)


def test_a_pool_without_threads_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        ThreadPool(0)
