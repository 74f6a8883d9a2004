"""When a message is gone, and where it is when it could not be run."""

import asyncio

import pytest

from asynq import Asynq, Worker
from asynq.exceptions import WorkerLostError


async def test_a_failed_task_can_be_kept_to_run_again(app, worker):
    prices = {}

    @app.task(name="shop.price", acks_on_failure_or_timeout=False)
    async def price(item: str) -> int:
        return prices[item]

    result = await price.delay("book")
    with pytest.raises(KeyError):
        await result.get(timeout=10)
    (letter,) = [letter async for letter in app.dead.letters()]
    assert letter.task == "shop.price"
    (run,) = letter.attempts
    assert (run.state, run.seconds >= 0) == ("FAILURE", True)

    prices["book"] = 12
    assert await app.dead.retry(letter) == 1
    assert await app.AsyncResult(result.id).get(timeout=10) == 12
    assert await app.dead.count() == 0


async def test_a_task_that_nobody_knows_is_kept(url, namespace):
    async with Asynq(namespace, broker=url, worker_unknown_task_ttl=0) as app:
        async with Worker(app):
            result = await app.send_task("nobody.knows")
            await result.get(timeout=10, propagate=False)
        (letter,) = await app.dead.find(result.id)
        assert letter.reason == "NotRegistered: nobody.knows"
        assert await app.dead.purge() == 1


async def test_early_a_task_that_is_cut_off_is_not_run_again(app):
    begun = asyncio.Event()

    @app.task(acks_late=False)
    async def ring() -> None:
        begun.set()
        await asyncio.sleep(60)

    async with Worker(app, grace=0):
        result = await ring.delay()
        await begun.wait()
    with pytest.raises(WorkerLostError):
        await result.get(timeout=10)
    assert await app.broker.depth("default") == 0


async def test_late_it_runs_again(app):
    begun: asyncio.Queue[int] = asyncio.Queue()

    @app.task
    async def invoice() -> None:
        begun.put_nowait(1)
        await asyncio.sleep(60)

    await invoice.delay()
    for _ in range(2):
        async with Worker(app, grace=0):
            await asyncio.wait_for(begun.get(), 10)
