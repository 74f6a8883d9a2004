"""A task begins no more often than its rate_limit allows, and is in nobody's way meanwhile."""

import asyncio

import pytest

from asynq import Asynq, TaskRevokedError, Worker
from asynq._time import monotonic
from asynq.brokers.base import Delivery
from asynq.worker import ratelimit
from asynq.worker.ratelimit import RateLimits
from asynq.worker.state import WorkerState
from tests.waiting import until


@pytest.fixture
async def app(namespace):
    async with Asynq(namespace, broker="memory://") as app:
        yield app


async def test_runs_begin_so_far_apart(app):
    @app.task(rate_limit="20/s")
    async def limited() -> float:
        return monotonic()

    async with Worker(app):
        results = [await limited.delay() for _ in range(8)]
        began = [await result.get(timeout=20) for result in results]
    # Their turns are 50 ms apart; a loop that is slow begins them later, not earlier on the whole.
    assert began[-1] - began[0] > 7 * 0.05 - 0.04
    assert began == sorted(began)  # who came first begins first


async def test_those_that_wait_hold_no_slot_and_stand_in_nobodys_way(app):
    @app.task(rate_limit="1/m")
    async def limited() -> None: ...

    @app.task
    async def free() -> str:
        return "here"

    async with Worker(app, concurrency=1) as worker:
        for _ in range(50):
            await limited.delay()
        assert await free.delay().get(timeout=10) == "here"
        await until(lambda: worker.state.totals[limited.name] == 1)
        await until(lambda: not worker.state.reserved and not worker.state.active)
        assert len(worker.state.throttled) <= ratelimit.HELD
        # They are on the server, which keeps them until shortly before their turn.
        assert len(await app.broker.waiting("default", limit=100)) >= 48


async def test_who_is_sent_back_comes_again_in_time(app, monkeypatch):
    monkeypatch.setattr(ratelimit, "NEAR", 0.02)

    @app.task(rate_limit="10/s")
    async def limited() -> float:
        return monotonic()

    async with Worker(app):
        results = [await limited.delay() for _ in range(6)]
        began = [await result.get(timeout=20) for result in results]
    assert 5 * 0.1 - 0.04 < max(began) - min(began) < 10


async def test_nothing_is_lost_when_the_worker_stops(app):
    @app.task(rate_limit="2/s")
    async def limited(number: int) -> int:
        return number

    async with Worker(app, grace=0) as worker:
        results = [await limited.delay(number) for number in range(6)]
        await until(lambda: worker.state.throttled)
    assert await app.broker.depth("default") >= 4
    limited.rate_limit = 0
    async with Worker(app):
        for waiting in await app.broker.waiting("default"):
            await app.control.reschedule(waiting.id, countdown=0)
        assert [await result.get(timeout=20) for result in results] == list(range(6))


async def test_one_that_waits_can_be_revoked(app):
    @app.task(rate_limit="2/s")
    async def limited() -> None: ...

    async with Worker(app) as worker:
        await limited.delay()
        held = await limited.delay()
        await until(lambda: worker.state.throttled)
        await held.revoke()
        with pytest.raises(TaskRevokedError):
            await held.get(timeout=10)
        await until(lambda: not worker.state.throttled)
        assert worker.state.totals[limited.name] == 1


async def test_the_setting_holds_for_tasks_that_say_nothing(app):
    app.conf.task_default_rate_limit = "6/m"

    @app.task
    async def plain() -> None: ...

    @app.task(rate_limit=0)
    async def free() -> None: ...

    assert plain.terms.rate_limit == pytest.approx(0.1)
    assert free.terms.rate_limit is None
    assert app.tasks["asynq.map"].terms.rate_limit is None
    app.conf.worker_disable_rate_limits = True
    assert plain.terms.rate_limit is None


@pytest.mark.parametrize("wrong", ["often", "10/d", -1, "nan", True, "-1/s"])
def test_what_is_no_rate_is_refused(app, wrong):
    with pytest.raises((TypeError, ValueError), match="expected a rate, like '10/s'"):
        app.task(rate_limit=wrong)(lambda: None)


async def test_a_worker_keeps_only_so_many_itself(monkeypatch):
    state, back = WorkerState("w@h"), []
    limits = RateLimits(
        state, first=lambda _: None, put_off=lambda _, seconds: back.append(seconds)
    )

    class Limited:
        name = "limited"

    class Coming:
        task = Limited

        def __init__(self):
            self.delivery = Delivery(id="x", queue="q", body=b"")

    now = asyncio.get_running_loop().time()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    assert limits.may_begin(Coming(), 1000.0)
    for _ in range(5000):
        assert not limits.may_begin(Coming(), 1000.0)
    assert len(state.throttled) == ratelimit.HELD
    assert len(back) == 5000 - ratelimit.HELD
    assert ratelimit.NEAR / 2 <= min(back) <= max(back) < 10
    # Two an hour, and a thousand of them: each is looked at again within ten minutes.
    back.clear()
    for _ in range(1000):
        limits.may_begin(Coming(), 2 / 3600)
    assert min(back[5:]) >= ratelimit.FAR / 2
    assert max(back) <= ratelimit.FAR
    # Who does not wait here any more leaves room for others.
    assert len(limits.stop()) == ratelimit.HELD
    now += 3600
    for _ in range(2 * ratelimit.HELD):
        limits.may_begin(Coming(), 1000.0)
    assert len(state.throttled) == ratelimit.HELD
    assert len(limits.stop()) == ratelimit.HELD
