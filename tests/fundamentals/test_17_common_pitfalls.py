"""What goes wrong elsewhere, and what happens here."""

import asyncio
import time

import pytest

import asynq
from asynq import Asynq, Worker
from tests.waiting import until


async def test_results_that_are_switched_off_say_so(url, namespace):
    app = Asynq(namespace, broker=url, backend="disabled://")

    @app.task
    async def add(x, y): ...

    async with app:
        result = await add.delay(4, 4)
        with pytest.raises(NotImplementedError, match="No result backend is configured"):
            await result


async def test_pending_means_that_nothing_is_known(app):
    unknown = app.AsyncResult("no-such-id")
    assert await unknown.state == "PENDING"
    assert not await unknown.exists()


@pytest.mark.untidy  # the loop of `asynq.run` lasts as long as the process
async def test_waiting_in_a_thread_is_an_error_and_no_deadlock(app, worker):
    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    @app.task
    def impatient() -> int:
        return asynq.run(add.delay(4, 4).get())

    with pytest.raises(RuntimeError, match="async def"):
        await impatient.delay().get(timeout=10)


async def test_a_task_that_blocks_the_loop_delays_others_and_loses_nothing(app, worker):
    @app.task
    async def rude() -> str:
        time.sleep(0.2)  # noqa: ASYNC251 - a `def` would have a thread for it
        return "done"

    @app.task
    async def polite() -> str:
        return "done"

    calls = rude.delay().get(timeout=10), polite.delay().get(timeout=10)
    assert await asyncio.gather(*calls) == ["done", "done"]


async def test_an_old_worker_leaves_a_new_task_to_new_workers(url, namespace, caplog):
    old, new = Asynq(namespace, broker=url), Asynq(namespace, broker=url)

    @new.task(name="sums.add")
    async def add(x: int, y: int) -> int:
        return x + y

    async with old, new:
        async with Worker(old):
            result = await add.delay(4, 4)
            await until(lambda: "no task 'sums.add' in this worker" in caplog.text)
        async with Worker(new):
            assert await result.get(timeout=20) == 8
