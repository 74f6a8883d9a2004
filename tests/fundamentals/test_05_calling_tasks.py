"""Three ways to call a task, and a fourth for code that does not have it."""

import time

import pytest

from asynq import Worker


@pytest.fixture
def add(app):
    @app.task(name="sums.add")
    async def add(x: int, y: int) -> int:
        return x + y

    return add


async def test_delay_is_the_short_form(add, worker):
    result = await add.delay(4, 4)
    assert await result.get(timeout=10) == 8


async def test_apply_async_takes_options(add, worker):
    began = time.monotonic()
    result = await add.apply_async((4, 4), countdown=0.2)
    assert await result.get(timeout=10) == 8
    assert time.monotonic() - began >= 0.2


async def test_a_direct_call_needs_no_worker(app, add):
    @app.task
    def mul(x: int, y: int) -> int:
        return x * y

    assert await add(4, 4) == 8
    assert mul(4, 4) == 16


async def test_send_task_needs_only_the_name(app, add, worker):
    assert await app.send_task("sums.add", (4, 4)).get(timeout=10) == 8


async def test_send_and_wait_in_one_go(add, worker):
    assert await add.delay(4, 4).get(timeout=10) == 8


async def test_when_it_returns_the_message_is_on_the_server(app, add):
    await add.delay(4, 4)
    assert await app.broker.depth("default") == 1


async def test_wrong_arguments_are_never_sent(app, add):
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        await add.delay(4)
    assert await app.broker.depth("default") == 0


async def test_the_most_urgent_comes_first(app):
    order = []

    @app.task
    async def note(what: str) -> None:
        order.append(what)

    results = [
        await note.apply_async((f"priority {priority}",), priority=priority)
        for priority in (0, 9, 3)
    ]
    # One slot, and nothing taken ahead of time: what comes first is the server's choice.
    async with Worker(app, concurrency=1, prefetch_multiplier=1):
        for result in results:
            await result.get(timeout=10)
    assert order == ["priority 9", "priority 3", "priority 0"]
