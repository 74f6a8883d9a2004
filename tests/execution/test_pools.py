"""Threads and processes are made when they are needed, and let go."""

import asyncio
import threading

import pytest

from asynq.execution.pools import Pools
from tests.waiting import until


@pytest.fixture
async def pools():
    pools = Pools(threads=2, processes=3)
    yield pools
    await pools.aclose()


async def test_nothing_is_made_before_it_is_needed(pools):
    before = threading.active_count()
    assert pools.abandoned == 0
    assert pools.place("thread") is not None
    pools.close()
    assert threading.active_count() == before


async def test_each_is_made_once_and_of_the_size_that_was_asked_for(pools):
    assert pools.threads is pools.threads
    assert pools.processes is pools.processes
    assert pools.processes.size == 3


@pytest.mark.parametrize(("pool", "places"), [("thread", 2), ("process", 3)])
async def test_there_are_as_many_places_as_can_run_at_once(pools, pool, places):
    for _ in range(places):
        await pools.place(pool).acquire()
    assert pools.place(pool).locked()


async def test_on_the_loop_there_is_room_for_all(pools):
    assert pools.place("loop") is None


async def test_what_is_left_behind_in_a_thread_is_counted(pools):
    go_on, begun = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def stubborn():
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(10)

    running = asyncio.create_task(pools.threads.run(stubborn))
    await begun.wait()
    running.cancel()
    await asyncio.wait({running})
    assert pools.abandoned == 1
    go_on.set()
    await until(lambda: pools.abandoned == 0)
