"""Threads for `def` tasks: bounded, reused, with their caller's context, never in the way."""

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from contextvars import ContextVar

import pytest

from asynq.exceptions import SoftTimeLimitExceeded
from asynq.execution.threads import ThreadPool
from tests.waiting import until

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


# Soft limits


def turn(gate=None):
    """Run Python code for as long as it is let."""
    while gate is None or not gate.is_set():
        pass


@pytest.mark.both_loops
async def test_a_soft_limit_is_raised_in_the_thread_and_may_be_caught(pool):
    def work():
        try:
            turn()
        except SoftTimeLimitExceeded as error:
            return str(error)

    assert await pool.run(work, soft=0.01) == "its soft_time_limit of 0.01 s is over"
    with pytest.raises(SoftTimeLimitExceeded, match=r"0\.01 s"):
        await pool.run(turn, soft=0.01)


async def test_a_call_within_its_soft_limit_is_left_alone(pool):
    assert await pool.run(lambda: 3, soft=60) == 3
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 / 0, soft=60)


async def test_the_time_begins_when_the_call_does():
    pool = ThreadPool(1)
    gate = threading.Event()
    first = asyncio.create_task(pool.run(lambda: gate.wait(5)))
    second = asyncio.create_task(pool.run(lambda: "in time", soft=0.05))
    await asyncio.sleep(0.1)
    gate.set()
    assert await second == "in time"
    await first
    pool.close()


async def test_a_limit_that_is_over_as_the_call_ends_never_hits_the_next_one():
    pool = ThreadPool(1)
    ends = {"in time": 0, "over": 0}
    limits = (0.0001, 0.0009, 0.001, 0.0011, 5)
    for number in range(250):
        gate = threading.Event()
        # Some limits are over before the call ends, some after, and some at that very moment.
        asyncio.get_running_loop().call_later(0.001, gate.set)
        try:
            await pool.run(lambda gate=gate: turn(gate), soft=limits[number % 5])
            ends["in time"] += 1
        except SoftTimeLimitExceeded:
            ends["over"] += 1
        assert await pool.run(lambda: sum(range(50))) == 1225
    assert all(ends.values()), ends
    assert pool.abandoned == 0
    pool.close()


# Abandoned calls


async def abandon(pool, gate):
    """Stop waiting for a call that has begun."""
    begun = threading.Event()

    def stuck():
        begun.set()
        gate.wait(10)
        return threading.current_thread()

    waiting = asyncio.create_task(pool.run(stuck))
    await until(begun.is_set)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()


async def test_an_abandoned_call_is_counted_and_another_thread_takes_its_place(pool):
    gate = threading.Event()
    await abandon(pool, gate)
    await abandon(pool, gate)
    assert pool.abandoned == 2
    both = threading.Barrier(2, timeout=5)
    await asyncio.gather(pool.run(both.wait), pool.run(both.wait))
    gate.set()
    await until(lambda: pool.abandoned == 0)
    await asyncio.gather(pool.run(both.wait), pool.run(both.wait))


async def test_a_call_that_waits_for_a_thread_gets_the_one_that_takes_an_abandoned_ones_place():
    pool = ThreadPool(1)
    gate = threading.Event()
    begun = threading.Event()

    def stuck():
        begun.set()
        gate.wait(10)

    stuck_call = asyncio.create_task(pool.run(stuck))
    waiting = asyncio.create_task(pool.run(lambda: "ran"))
    await until(begun.is_set)
    stuck_call.cancel()
    assert await waiting == "ran"
    assert pool.abandoned == 1
    gate.set()
    await until(lambda: pool.abandoned == 0)
    pool.close()


async def test_the_thread_of_an_abandoned_call_ends_with_it():
    pool = ThreadPool(1, name="asynq-abandoned")
    gate = threading.Event()
    await abandon(pool, gate)
    (stuck,) = [each for each in threading.enumerate() if each.name == "asynq-abandoned-1"]
    assert await pool.run(lambda: threading.current_thread().name) == "asynq-abandoned-2"
    gate.set()
    stuck.join(5)
    assert not stuck.is_alive()
    assert await pool.run(lambda: threading.current_thread().name) == "asynq-abandoned-2"
    pool.close()


async def test_a_thread_keeps_nothing_of_its_last_call(pool):
    class Thing:
        pass

    thing = Thing()
    seen = weakref.ref(thing)
    await pool.run(lambda thing=thing: None, soft=60)
    del thing
    await pool.run(lambda: None, soft=60)

    def gone():
        gc.collect()
        return seen() is None

    await until(gone)


async def test_a_stop_iteration_does_not_leave_its_caller_waiting(pool):
    with pytest.raises(RuntimeError, match="StopIteration"):
        await pool.run(lambda: next(iter(())))


PROFILED = """
import asyncio, cProfile, time
from asynq.execution.threads import ThreadPool

def swallow():
    try:
        time.sleep(0.05)
    except BaseException:
        pass

async def main():
    pool = ThreadPool(2, name="pool")
    await pool.run(int, soft=5.0)  # in time
    for _ in range(20):  # struck, or just not: while it returns
        try:
            await pool.run(swallow, soft=0.05)
        except BaseException:
            pass
    pool.close()

asyncio.run(main())
cProfile.Profile(time.perf_counter_ns, 1e-9).runcall(lambda: [len(str(n)) for n in range(1000)])
print("profiled")
"""


def test_soft_limits_leave_nothing_that_a_profiler_would_trip_over():
    run = [sys.executable, "-c", PROFILED]
    found = subprocess.run(run, capture_output=True, text=True, timeout=30, check=True)
    assert found.stdout == "profiled\n"
