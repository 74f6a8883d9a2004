"""A signature is a call as data, a group several calls at once; chains and chords come later."""

import json

import pytest

from asynq import Worker, group, signature


@pytest.fixture
def add(app):
    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    return add


async def test_a_signature_is_a_call_as_data(add, worker):
    assert await add.s(2, 2).delay().get(timeout=10) == 4
    assert await add.signature((2, 2), countdown=0.01).delay().get(timeout=10) == 4


async def test_a_partial_gets_the_rest_of_its_arguments_later(add, worker):
    assert await add.s(2).delay(8).get(timeout=10) == 10


async def test_it_can_be_kept_as_json(add, worker):
    text = json.dumps(add.s(2).to_dict())
    assert await signature(json.loads(text)).delay(8).get(timeout=10) == 10


async def test_a_group_runs_calls_at_the_same_time(add, worker):
    result = await group(add.s(i, i) for i in range(10))()
    assert await result == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert await result.completed_count() == 10


async def test_a_task_may_await_others_even_with_a_single_slot(app, add):
    @app.task
    async def sum_of_sums() -> int:
        return sum(await group(add.s(i, i) for i in range(10))().get())

    async with Worker(app, concurrency=1):
        assert await sum_of_sums.delay().get(timeout=10) == 90


def test_chains_and_chords_say_that_they_are_to_come(add):
    with pytest.raises(NotImplementedError, match="not in this release yet"):
        add.s(2, 2) | add.s(4)
