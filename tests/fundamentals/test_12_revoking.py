"""Have a task not run, or not go on."""

import asyncio

import pytest

from asynq import TaskRevokedError, Worker


@pytest.fixture
def greet(app):
    @app.task(name="greet")
    async def greet() -> str:
        return "hello"

    return greet


async def test_a_revoked_task_never_runs_not_even_on_a_worker_that_starts_later(app, greet):
    result = await greet.delay()
    await result.revoke()
    async with Worker(app):
        with pytest.raises(TaskRevokedError, match="revoked"):
            await result.get(timeout=10)
    assert await result.state == "REVOKED"


async def test_what_waits_for_its_time_waits_no_longer(greet, worker):
    result = await greet.apply_async(countdown=3600)
    await result.revoke()
    with pytest.raises(TaskRevokedError):
        await result.get(timeout=10)


async def test_several_are_revoked_by_their_ids(app, greet):
    results = [await greet.delay() for _ in range(3)]
    await app.control.revoke([result.id for result in results])
    async with Worker(app):
        errors = [await result.get(timeout=10, propagate=False) for result in results]
    assert [str(error) for error in errors] == ["revoked"] * 3


async def test_what_runs_goes_on_unless_it_is_to_be_terminated(app, worker):
    started, cancelled = asyncio.Event(), asyncio.Event()
    go_on = asyncio.Event()

    @app.task
    async def long() -> str:
        started.set()
        try:
            await go_on.wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return "done"

    result = await long.delay()
    await started.wait()
    await result.revoke()
    go_on.set()
    assert await result.get(timeout=10) == "done"

    started.clear()
    go_on.clear()
    result = await long.delay()
    await started.wait()
    await result.revoke(terminate=True)
    with pytest.raises(TaskRevokedError, match="terminated"):
        await result.get(timeout=10)
    assert cancelled.is_set()


async def test_what_is_over_stays_as_it_is(greet, worker):
    result = await greet.delay()
    await result.get(timeout=10)
    await result.revoke(terminate=True)
    assert await result.state == "SUCCESS"
