"""Retries, hooks, signals and middleware, with a worker and a server."""

import asyncio

import pytest

from asynq import Asynq, Task, Worker, signals
from asynq.exceptions import EncodeError, Ignore, Reject, Retry, TaskRevokedError
from asynq.middleware import Middleware
from tests.waiting import until


@pytest.fixture
async def app(url, namespace):
    async with Asynq("proj", broker=url, namespace=namespace, worker_shutdown_grace=5) as app:
        yield app


@pytest.fixture
async def worker(app):
    """A worker that serves two queues, started when the tasks are there."""
    started = []

    async def start():
        worker = Worker(app, queues=["default", "slow"], concurrency=10)
        started.append(worker)
        await worker.__aenter__()
        return worker

    yield start
    for worker in started:
        await worker.__aexit__(None, None, None)


async def test_a_task_is_retried_until_it_goes_well(app, worker):
    seen = []

    @app.task(bind=True, default_retry_delay=0.05)
    async def flaky(self, x):
        seen.append((self.request.id, self.request.retries, x))
        if self.request.retries < 2:
            raise self.retry(exc=ValueError("not yet"), args=(x + 1,))
        return [attempt.error for attempt in self.request.attempts]

    await worker()
    result = await flaky.apply_async((1,), task_id="me")
    assert await result.get(timeout=10) == ["ValueError: not yet"] * 2
    assert seen == [("me", 0, 1), ("me", 1, 2), ("me", 2, 3)]
    assert await result.retries == 2
    assert [attempt.state for attempt in await result.attempts] == ["RETRY", "RETRY", "SUCCESS"]


async def test_when_no_retry_is_left_the_error_is_the_result(app, worker):
    runs = []

    @app.task(autoretry_for=(OSError,), retry_backoff=0.01, max_retries=2)
    def broken():
        runs.append(1)
        raise OSError("disk")

    await worker()
    result = await broken.delay()
    with pytest.raises(OSError, match="disk"):
        await result.get(timeout=10)
    assert len(runs) == 3
    assert len(await result.attempts) == 3


async def test_while_it_waits_the_result_is_the_reason(app, worker):
    @app.task(bind=True)
    async def waits(self):
        raise self.retry(exc=ValueError("why"), countdown=100)

    await worker()
    result = await waits.delay()

    async def retrying():
        return await result.state == "RETRY"

    await until(retrying)
    assert repr(await result.result) == "ValueError('why')"
    assert not await result.ready()
    assert await app.broker.depth("default") == 1


async def test_a_retry_may_go_to_another_queue_with_other_options(app, worker):
    @app.task(bind=True)
    async def moves(self):
        request = self.request
        if not request.retries:
            raise self.retry(countdown=0, queue="slow", priority=7, headers={"moved": 1})
        return request.queue, request.priority, request.headers

    await worker()
    assert await moves.delay().get(timeout=10) == ("slow", 7, {"moved": 1})


async def test_what_was_returned_stands_and_the_retries_run_all_the_same(app, worker):
    runs = []

    @app.task(bind=True, max_retries=2)
    async def again(self):
        runs.append(self.request.retries)
        if self.request.retries < 2:
            self.retry(throw=False, countdown=0)
        return f"run {self.request.retries}"

    await worker()
    result = await again.delay()
    assert await result.get(timeout=10) == "run 0"

    async def over():
        return len(runs) == 3 and await app.broker.depth("default") == 0

    await until(over)
    assert await app.AsyncResult(result.id).get(timeout=5) == "run 0"


async def test_arguments_for_a_retry_that_can_not_be_written_fail_the_task(app, worker):
    @app.task(bind=True)
    async def odd(self, x=None):
        raise self.retry(args=(object(),), countdown=0)

    await worker()
    with pytest.raises(EncodeError):
        await odd.delay().get(timeout=10)


async def test_a_retry_raised_by_hand(app, worker):
    @app.task(bind=True)
    def by_hand(self):
        if not self.request.retries:
            raise Retry(when=0.01)
        return self.request.retries

    await worker()
    assert await by_hand.delay().get(timeout=10) == 1


async def test_expiry_holds_for_all_runs_together(app, worker):
    @app.task(bind=True, max_retries=None)
    async def late(self):
        raise self.retry(countdown=0.5)

    await worker()
    result = await late.apply_async(expires=0.3)
    with pytest.raises(TaskRevokedError, match="expired"):
        await result.get(timeout=10)


async def test_what_a_task_ignores_leaves_nothing_behind(app, worker):
    ended = asyncio.Event()

    @app.task
    async def ignored():
        raise Ignore

    @signals.task_postrun.connect(sender=ignored)
    def hear(state, **named):
        assert state == "IGNORED"
        ended.set()

    try:
        await worker()
        result = await ignored.delay()
        await asyncio.wait_for(ended.wait(), 10)

        async def gone():
            return await app.broker.depth("default") == 0

        await until(gone)
        assert await result.state == "PENDING"
    finally:
        signals.task_postrun.disconnect(hear, sender=ignored)


async def test_what_a_task_rejects_is_kept_aside_or_put_back(app, worker):
    runs = []

    @app.task(bind=True)
    async def rejects(self, requeue):
        runs.append(requeue)
        if requeue and len(runs) > 1:
            return "taken"
        raise Reject("not mine", requeue=requeue)

    await worker()
    assert await rejects.delay(True).get(timeout=10) == "taken"
    result = await rejects.delay(False)
    with pytest.raises(Reject):
        await result.get(timeout=10)
    letters = [letter async for letter in app.dead.letters()]
    assert [(letter.id, "not mine" in letter.reason) for letter in letters] == [(result.id, True)]


async def test_hooks_signals_and_middleware_in_a_worker(app, worker):
    told = []

    class Telling(Task):
        def before_start(self, task_id, args, kwargs):
            told.append("before_start")

        async def on_retry(self, exc, task_id, args, kwargs, einfo):
            told.append(f"on_retry {exc!r}")

        def on_success(self, retval, task_id, args, kwargs):
            told.append(f"on_success {retval}")

        def after_return(self, status, *called):
            told.append(f"after_return {status}")

    class Tenants(Middleware):
        async def publish(self, outgoing, proceed):
            outgoing.headers["tenant"] = "t1"
            await proceed()

        async def execute(self, request, proceed):
            return f"{request.headers['tenant']}: {await proceed()}"

    app.middleware.append(Tenants())

    @app.task(base=Telling, bind=True, autoretry_for=(KeyError,), default_retry_delay=0)
    def work(self):
        if not self.request.retries:
            raise KeyError("k")
        return "done"

    def hear(signal, **named):
        told.append(signal.name)

    signals.task_prerun.connect(hear, sender=work)
    signals.task_retry.connect(hear, sender=work)
    try:
        await worker()
        assert await work.delay().get(timeout=10) == "t1: done"
    finally:
        signals.task_prerun.disconnect(hear, sender=work)
        signals.task_retry.disconnect(hear, sender=work)
    assert told == [
        "task_prerun",
        "before_start",
        "on_retry KeyError('k')",
        "task_retry",
        "task_prerun",
        "before_start",
        "on_success t1: done",
        "after_return SUCCESS",
    ]
