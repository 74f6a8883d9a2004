"""A signature is a call as data; chains, groups and chords are made of them."""

import json

import pytest

from asynq import Worker, chain, chord, group, signature


@pytest.fixture
def add(app):
    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    return add


@pytest.fixture
def mul(app):
    @app.task
    async def mul(x: int, y: int) -> int:
        return x * y

    return mul


@pytest.fixture
def xsum(app):
    @app.task
    async def xsum(values: list[int]) -> int:
        return sum(values)

    return xsum


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


async def test_a_chain_runs_one_call_after_the_other(add, mul, worker):
    assert await chain(add.s(4, 4) | mul.s(8))().get(timeout=10) == 64
    assert await (add.s(4, 4) | mul.s(8))().get(timeout=10) == 64


async def test_a_chord_runs_a_group_and_then_a_callback(add, xsum, worker):
    assert await chord((add.s(i, i) for i in range(10)), xsum.s())().get(timeout=10) == 90
    assert await (group(add.s(i, i) for i in range(10)) | xsum.s())().get(timeout=10) == 90
