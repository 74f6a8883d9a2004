"""A handle on a result: await it, ask it, watch it."""

import asyncio

import pytest

from asynq.exceptions import TimeoutError


@pytest.fixture
def div(app):
    @app.task(name="sums.div")
    async def div(x: int, y: int) -> float:
        return x / y

    return div


async def test_what_a_handle_knows(app, div, worker):
    result = await div.delay(8, 2)
    assert await result == 4.0
    assert await result.ready()
    assert await result.successful()
    assert not await result.failed()
    assert await result.state == "SUCCESS"
    assert await result.traceback is None
    assert app.AsyncResult(result.id) == result


async def test_an_error_is_raised_where_you_wait(div, worker):
    result = await div.delay(1, 0)
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        await result.get(timeout=10)
    assert await result.state == "FAILURE"
    assert "return x / y" in await result.traceback


async def test_or_comes_as_a_value(div, worker):
    error = await div.delay(1, 0).get(timeout=10, propagate=False)
    assert isinstance(error, ZeroDivisionError)


async def test_waiting_can_have_a_limit(div):
    result = await div.delay(8, 2)  # no worker runs
    with pytest.raises(TimeoutError, match="does a worker serve its queue"):
        await result.get(timeout=0.05)


async def test_a_forgotten_await_is_an_error_and_no_wrong_answer(app):
    result = app.AsyncResult("some-id")
    with pytest.raises(TypeError, match=r"await result\.ready\(\)"):
        bool(result.ready())
    with pytest.raises(TypeError, match=r"await result\.state"):
        result.state == "SUCCESS"  # noqa: B015


async def test_a_task_that_lasts_is_seen_to_have_started(app, worker):
    go_on = asyncio.Event()

    @app.task
    async def slow() -> str:
        await go_on.wait()
        return "done"

    result = await slow.delay()
    states = [await result.state]
    async for update in result.updates():
        states.append(update.state)
        if update.state == "STARTED":
            go_on.set()
    assert states == ["PENDING", "STARTED", "SUCCESS"]


async def test_progress_can_be_watched(app, worker):
    seen = asyncio.Event()

    @app.task(bind=True, track_started=False)
    async def copy(self) -> str:
        await self.update_state(state="PROGRESS", meta={"done": 1, "of": 2})
        await seen.wait()
        return "copied"

    async for update in (await copy.delay()).updates():
        if update.state == "PROGRESS":
            assert update.info == {"done": 1, "of": 2}
            seen.set()
    assert update.result == "copied"


async def test_many_may_wait_for_one_result(div, worker):
    result = await div.delay(8, 2)
    assert await asyncio.gather(*(result.get(timeout=10) for _ in range(50))) == [4.0] * 50


async def test_a_result_can_be_forgotten(div, worker):
    result = await div.delay(8, 2)
    await result
    await result.forget()
    assert await result.state == "PENDING"
