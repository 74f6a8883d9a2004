"""How long a task may take: told softly, or ended."""

import asyncio
import time

import pytest

from asynq import SoftTimeLimitExceeded, TimeLimitExceeded


async def test_softly_a_task_is_told_and_may_end_well(app, worker):
    @app.task(soft_time_limit=0.05)
    async def crawl() -> str:
        try:
            await asyncio.sleep(3600)
        except SoftTimeLimitExceeded:
            return "what there was"
        return "all"

    assert await crawl.delay().get(timeout=10) == "what there was"


async def test_or_fails_with_it(app, worker):
    @app.task(soft_time_limit=0.05)
    async def crawl() -> None:
        await asyncio.sleep(3600)

    with pytest.raises(SoftTimeLimitExceeded):
        await crawl.delay().get(timeout=10)


async def test_a_thread_is_told_when_it_runs_python_next(app, worker):
    @app.task(soft_time_limit=0.05)
    def crawl() -> str:
        try:
            while True:
                time.sleep(0.01)
        except SoftTimeLimitExceeded:
            return "what there was"

    assert await crawl.delay().get(timeout=10) == "what there was"


async def test_hard_it_is_ended_and_cleans_up(app, worker):
    cleaned = asyncio.Event()

    @app.task(time_limit=0.05)
    async def crawl() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cleaned.set()

    result = await crawl.delay()
    with pytest.raises(TimeLimitExceeded):
        await result.get(timeout=10)
    assert await result.state == "FAILURE"
    assert cleaned.is_set()


async def test_a_call_may_have_limits_of_its_own(app, worker):
    @app.task(time_limit=3600)
    async def crawl() -> None:
        await asyncio.sleep(3600)

    with pytest.raises(TimeLimitExceeded):
        await crawl.apply_async(time_limit=0.05).get(timeout=10)


async def test_the_settings_limit_all_tasks_that_say_nothing_else(app, worker):
    app.conf.task_soft_time_limit = 0.05

    @app.task
    async def crawl() -> None:
        await asyncio.sleep(3600)

    with pytest.raises(SoftTimeLimitExceeded):
        await crawl.delay().get(timeout=10)
