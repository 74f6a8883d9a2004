"""Signatures, chain, group and chord come in a later release. Tasks can call tasks today."""

import asyncio

import pytest

from asynq import Worker


def test_signatures_say_that_they_are_to_come(app):
    @app.task
    async def add(x, y): ...

    with pytest.raises(NotImplementedError, match="not in this release yet"):
        add.s(2, 2)


async def test_a_task_may_await_others_even_with_a_single_slot(app):
    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    @app.task
    async def sum_of_sums() -> int:
        return sum(await asyncio.gather(*(add.delay(i, i).get() for i in range(10))))

    async with Worker(app, concurrency=1):
        assert await sum_of_sums.delay().get(timeout=10) == 90
