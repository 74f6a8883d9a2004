"""Runs that must end do, each in its way, and those that won't keep nothing from others."""

import asyncio
import contextlib
import logging
import threading
import time

import pytest

from asynq.exceptions import SoftTimeLimitExceeded, TaskRevokedError, TimeLimitExceeded
from asynq.worker import limits as room
from asynq.worker.worker import Worker
from tests.waiting import until


@pytest.fixture
async def worker(app):
    async with Worker(app, concurrency=1, grace=0.1) as worker:
        yield worker


async def test_a_coroutine_over_its_time_is_cancelled_and_has_failed(app, worker):
    ended = asyncio.Event()

    @app.task(time_limit=0.05)
    async def slow():
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    result = await slow.delay()
    with pytest.raises(TimeLimitExceeded, match=r"slow\[.*\] ran longer than its time_limit of"):
        await result.get(timeout=10)
    assert ended.is_set()
    assert await result.state == "FAILURE"


async def test_what_it_returns_after_its_time_does_not_count(app, worker):
    @app.task(time_limit=0.05)
    async def late():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "too late"

    with pytest.raises(TimeLimitExceeded):
        await late.delay().get(timeout=10)


async def test_a_task_is_warned_before(app, worker):
    @app.task(soft_time_limit=0.05, time_limit=60)
    async def careful():
        try:
            await asyncio.sleep(60)
        except SoftTimeLimitExceeded:
            return "cleaned up"

    assert await careful.delay().get(timeout=10) == "cleaned up"


async def test_the_call_has_the_last_word(app, worker):
    @app.task(time_limit=0.05)
    async def patient():
        await asyncio.sleep(0.1)
        return "done"

    assert await patient.apply_async(time_limit=60).get(timeout=10) == "done"
    assert await patient.apply_async(time_limit=0).get(timeout=10) == "done"
    with pytest.raises(TimeLimitExceeded):
        await patient.delay().get(timeout=10)


async def test_a_thread_is_left_behind_and_another_takes_its_place(app, caplog):
    go_on = threading.Event()

    @app.task(time_limit=0.05)
    def stuck():
        go_on.wait(60)

    @app.task
    def quick():
        return "done"

    try:
        async with Worker(app, concurrency=2, threads=1, grace=0.1):
            with pytest.raises(TimeLimitExceeded):
                await stuck.delay().get(timeout=10)
            assert await quick.delay().get(timeout=10) == "done"
        assert "goes on in its thread, which can't be stopped" in caplog.text
    finally:
        go_on.set()


async def test_its_time_begins_when_there_is_room_for_it(app):
    @app.task(time_limit=1.0)
    def naps():
        time.sleep(0.25)

    async with Worker(app, threads=1):
        results = [await naps.delay() for _ in range(6)]
        for result in results:
            await result.get(timeout=10)


async def test_a_coroutine_that_swallows_its_end_gives_up_its_slot_and_is_named(
    app, worker, monkeypatch, caplog
):
    monkeypatch.setattr(room, "STUCK_SECONDS", 0.05)
    let_go = asyncio.Event()

    @app.task(name="stubborn", time_limit=0.05)
    async def stubborn():
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()

    @app.task
    async def quick():
        return "done"

    with caplog.at_level(logging.ERROR), pytest.raises(TimeLimitExceeded):
        await stubborn.delay().get(timeout=10)
    assert await quick.delay().get(timeout=10) == "done"
    assert len(worker.state.stuck) == 1
    assert "ignores its cancellation" in caplog.text
    assert "await let_go.wait()" in caplog.text
    let_go.set()
    await until(lambda: not worker.state.stuck)


async def test_a_worker_with_too_many_of_them_stops_to_be_started_anew(app, monkeypatch):
    app.conf.worker_max_stuck = 1
    monkeypatch.setattr(room, "STUCK_SECONDS", 0.05)
    let_go = asyncio.Event()

    @app.task(time_limit=0.05)
    async def stubborn():
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()

    async with Worker(app, concurrency=1, grace=0.1) as worker:
        with pytest.raises(TimeLimitExceeded):
            await stubborn.delay().get(timeout=10)
        await worker.wait()
        assert worker.worn_out
    let_go.set()


@pytest.mark.parametrize("defined", ["async", "def"])
async def test_a_running_task_is_ended_when_it_is_revoked_with_terminate(app, worker, defined):
    began = threading.Event()
    go_on = threading.Event()

    if defined == "async":

        @app.task(name="long")
        async def long():
            began.set()
            await asyncio.sleep(60)
    else:

        @app.task(name="long")
        def long():
            began.set()
            go_on.wait(60)

    try:
        result = await long.delay()
        await until(began.is_set)
        await result.revoke(terminate=True)
        with pytest.raises(TaskRevokedError, match="terminated"):
            await result.get(timeout=10)
        assert await result.state == "REVOKED"
    finally:
        go_on.set()


async def test_one_that_is_revoked_without_it_goes_on(app, worker):
    go_on = asyncio.Event()

    @app.task
    async def long():
        await go_on.wait()
        return "done"

    result = await long.delay()
    await until(lambda: worker.state.active)
    await result.revoke()
    go_on.set()
    assert await result.get(timeout=10) == "done"


async def test_what_waits_for_a_slot_is_revoked_at_once(app, worker, caplog):
    go_on = asyncio.Event()

    @app.task
    async def long():
        await go_on.wait()

    first = await long.delay()
    await until(lambda: worker.state.active)
    second = await long.delay()
    await until(lambda: worker.state.reserved)
    await second.revoke()
    with pytest.raises(TaskRevokedError, match="revoked"):
        await second.get(timeout=10)
    go_on.set()
    await first.get(timeout=10)
    assert not worker.state.reserved
    assert "no longer ours" not in caplog.text
