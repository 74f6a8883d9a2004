"""A step of a workflow that became a dead letter, and was sent again."""

import asyncio

import pytest

from asynq import Asynq, Worker


@pytest.mark.parametrize("keys", [None, {"k": b"k" * 32}], ids=["plain", "signed"])
async def test_what_comes_after_it_goes_on_then(url, namespace, keys):
    app = Asynq(namespace, broker=url, message_keys=keys)
    mended = False

    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    @app.task(acks_on_failure_or_timeout=False)
    async def double(x: int) -> int:
        if not mended:
            raise ValueError("not yet")
        return 2 * x

    async with app, Worker(app):
        result = await (add.s(1, 2) | double.s() | add.s(10))()
        with pytest.raises(ValueError, match="not yet"):
            await result.get(timeout=10)
        (letter,) = [letter async for letter in app.dead.letters()]
        assert letter.arguments() == ([], {})  # what came before it is not its own
        mended = True
        assert await app.dead.retry(letter) == 1
        # Till then its end says how it went the first time; each handle asks but once.
        while await app.AsyncResult(result.id).state != "SUCCESS":
            await asyncio.sleep(0.01)
        assert await app.AsyncResult(result.id).get() == 16
