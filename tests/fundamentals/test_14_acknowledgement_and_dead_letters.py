"""When a message is gone, and where it is when it could not be run."""

import pytest

from asynq import Asynq, Worker


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


async def test_early_a_message_is_gone_before_its_task_begins(app, worker):
    @app.task(acks_late=False)
    async def depth() -> int:
        return await app.broker.depth("default")

    assert await depth.delay().get(timeout=10) == 0


async def test_late_it_is_gone_when_its_task_has_ended(app, worker):
    @app.task
    async def depth() -> int:
        return await app.broker.depth("default")

    assert await depth.delay().get(timeout=10) == 1
