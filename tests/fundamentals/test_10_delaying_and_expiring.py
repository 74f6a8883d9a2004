"""Not before, and not after."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from asynq import TaskRevokedError, Worker


@pytest.fixture
def greet(app):
    @app.task(name="greet")
    async def greet() -> str:
        return "hello"

    return greet


async def test_after_a_countdown(greet, worker):
    began = time.monotonic()
    assert await greet.apply_async(countdown=0.2).get(timeout=10) == "hello"
    assert time.monotonic() - began >= 0.2


async def test_not_before_a_moment(greet, worker):
    moment = datetime.now(UTC) + timedelta(seconds=0.2)
    assert await greet.apply_async(eta=moment).get(timeout=10) == "hello"
    assert datetime.now(UTC) >= moment


async def test_what_waits_is_on_the_server_and_in_no_worker(app, greet):
    async with Worker(app):
        await greet.apply_async(countdown=3600)
    assert await app.broker.depth("default") == 1


async def test_what_waits_can_get_another_time(greet, worker):
    result = await greet.apply_async(countdown=3600)
    assert await result.reschedule(countdown=0.05)
    assert await result.get(timeout=10) == "hello"
    assert not await result.reschedule(countdown=1)


async def test_what_does_not_begin_in_time_is_revoked(app, greet):
    too_late = await greet.apply_async(countdown=0.1, expires=0.05)
    in_time = await greet.apply_async(expires=60)
    async with Worker(app):
        assert await in_time.get(timeout=10) == "hello"
        with pytest.raises(TaskRevokedError, match="expired"):
            await too_late.get(timeout=10)
    assert await too_late.state == "REVOKED"


async def test_a_task_may_say_it_for_all_its_calls(app):
    @app.task(expires=0.05)
    async def refresh() -> None: ...

    late = await refresh.apply_async(countdown=0.1)
    async with Worker(app):
        with pytest.raises(TaskRevokedError, match="expired"):
            await late.get(timeout=10)
