"""A worker is an event loop with slots. As a process: `asynq -A proj worker -c 4 -Q a,b`."""

import asyncio

from asynq import Worker


async def test_many_tasks_run_at_once_on_one_loop(app):
    """Each waits for all the others to be there, so all ten must run at the same time."""
    together = asyncio.Barrier(10)

    @app.task
    async def meet() -> None:
        await together.wait()

    async with Worker(app, concurrency=10):
        results = await asyncio.gather(*(meet.delay() for _ in range(10)))
        assert await asyncio.gather(*results) == [None] * 10


async def test_there_are_never_more_than_there_are_slots(app):
    running, most = 0, 0

    @app.task
    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    async with Worker(app, concurrency=4):
        await asyncio.gather(*(work.delay().get(timeout=10) for _ in range(40)))
    assert most == 4


async def test_a_worker_serves_the_queues_it_is_told_to(app):
    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    async with Worker(app, queues=["priority"]):
        elsewhere = await add.delay(1, 1)
        here = await add.apply_async((2, 2), queue="priority")
        assert await here.get(timeout=10) == 4
        assert await elsewhere.state == "PENDING"


async def test_stopping_lets_a_running_task_end(app):
    started, go_on = asyncio.Event(), asyncio.Event()

    @app.task
    async def slow() -> str:
        started.set()
        await go_on.wait()
        return "done"

    async with Worker(app) as worker:
        result = await slow.delay()
        await started.wait()
        worker.stop()
        go_on.set()
    assert await result.get(timeout=10) == "done"


async def test_what_was_not_finished_is_done_by_the_next_worker(app):
    started = asyncio.Event()
    tries = []

    @app.task
    async def stubborn() -> str:
        tries.append("try")
        if len(tries) == 1:
            started.set()
            await asyncio.Event().wait()  # for ever
        return "done"

    async with Worker(app, grace=0):
        result = await stubborn.delay()
        await started.wait()
    async with Worker(app):
        assert await result.get(timeout=10) == "done"
    assert len(tries) == 2
