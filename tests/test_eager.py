import asyncio
from contextvars import ContextVar
from datetime import datetime

import pytest

from asynq import Asynq, Task
from asynq.exceptions import EncodeError, Ignore, Reject, TaskError
from asynq.middleware import Middleware
from asynq.request import current


@pytest.fixture
async def app(namespace):
    app = Asynq("proj", broker="memory://", namespace=namespace)
    yield app
    await app.aclose()


@pytest.fixture
def eager(app):
    app.conf.task_always_eager = True
    return app


async def test_apply_runs_the_task_here(app):
    @app.task
    async def add(x, y):
        return x + y

    result = await add.apply((1, 2))
    assert await result.state == "SUCCESS"
    assert await result == 3
    assert await result.date_done is not None
    assert await add.apply([1], {"y": 3}).get() == 4
    assert await app.broker.depth("default") == 0


async def test_a_def_runs_in_a_thread(app):
    @app.task(bind=True)
    def who(self, x):
        return self.request.id, self.request.args, self.request.is_eager

    result = await who.apply((1,), task_id="me")
    assert await result == ("me", (1,), True)
    assert result.id == "me"


async def test_apply_hands_arguments_over_as_they_are(app):
    @app.task
    def same(x):
        return x

    thing = object()
    assert await same.apply((thing,)).get() is thing


async def test_an_error_is_kept_until_the_value_is_asked_for(app):
    @app.task
    def fail():
        raise ValueError("boom")

    result = await fail.apply()
    assert await result.failed()
    assert "boom" in await result.traceback
    with pytest.raises(ValueError, match="boom"):
        await result
    with pytest.raises(ValueError, match="boom"):
        await fail.apply(throw=True)
    app.conf.task_eager_propagates = True
    with pytest.raises(ValueError, match="boom"):
        await fail.apply()
    assert await (await fail.apply(throw=False)).failed()


async def test_in_eager_mode_every_call_runs_here(eager):
    @eager.task
    async def add(x: int, y: int) -> int:
        return x + y

    assert await add.delay(1, 2).get() == 3
    assert await add.apply_async((1, 2), countdown=1000, queue="x").get() == 3
    assert await eager.broker.depth("x") == 0


async def test_in_eager_mode_arguments_are_what_a_worker_would_see(eager):
    @eager.task
    def kinds(day: datetime, more):
        return type(day), type(more)

    assert await kinds.delay(datetime(2026, 1, 2), {"x": 1}).get() == (datetime, dict)
    with pytest.raises(EncodeError):
        kinds.delay(datetime(2026, 1, 2), object())
    with pytest.raises(TypeError, match="annotation"):
        kinds.delay(5, 1)


async def test_in_eager_mode_arguments_are_checked(eager):
    @eager.task
    def one(x):
        pass

    with pytest.raises(TypeError, match="missing"):
        one.delay()


async def test_send_task_is_not_eager_and_says_so(eager):
    with pytest.warns(RuntimeWarning, match="task_always_eager does not run send_task"):
        await eager.send_task("proj.add", (1, 2))
    assert await eager.broker.depth("default") == 1


async def test_results_are_kept_in_the_backend_where_that_is_asked_for(eager):
    eager.conf.task_store_eager_result = True

    @eager.task
    def add(x, y):
        return x + y

    @eager.task
    def fail():
        raise ValueError("boom")

    result = await add.delay(1, 2)
    assert await eager.AsyncResult(result.id) == 3
    failed = await fail.delay()
    with pytest.raises(ValueError, match="boom"):
        await eager.AsyncResult(failed.id)
    only_here = await add.apply((1, 2))
    assert not await eager.AsyncResult(only_here.id).exists()


async def test_progress_has_nowhere_to_go_unless_results_are_kept(eager):
    @eager.task(bind=True)
    async def step(self):
        await self.update_state(meta={"done": 1})
        return await self.AsyncResult(self.request.id).exists()

    assert not await step.delay().get()
    eager.conf.task_store_eager_result = True
    assert await step.delay().get()


async def test_a_call_made_by_an_eager_task_is_its_child(eager):
    @eager.task(bind=True)
    async def outer(self):
        return self.request.id, await inner.delay().get()

    @eager.task(bind=True)
    async def inner(self):
        return self.request.parent_id, self.request.root_id

    id, (parent_id, root_id) = await outer.delay().get()
    assert parent_id == root_id == id


async def test_a_run_does_not_disturb_the_callers_context(app):
    mark = ContextVar("mark", default="before")

    @app.task
    async def change():
        mark.set("changed")

    await change.apply()
    assert mark.get() == "before"
    assert current.get() is None


async def test_kept_results_of_eager_calls_are_sealed_where_there_are_keys(eager):
    eager.conf.update(
        task_store_eager_result=True, message_keys={"k": "a secret that is long enough"}
    )

    @eager.task
    def add(x, y):
        return x + y

    result = await add.delay(1, 2)
    (body,) = await eager.backend.fetch([result.id])
    assert body[:1] == b"\x01"
    assert await eager.AsyncResult(result.id) == 3


# Again, ignored, rejected


async def test_retries_run_at_once(app):
    seen = []

    @app.task(bind=True, max_retries=2)
    def flaky(self, x):
        seen.append((self.request.retries, self.request.id, x))
        raise self.retry(exc=ValueError(f"try {len(seen)}"), countdown=1000, args=(x + 1,))

    result = await flaky.apply((1,), task_id="me")
    assert seen == [(0, "me", 1), (1, "me", 2), (2, "me", 3)]
    assert await result.state == "FAILURE"
    assert await result.retries == 2
    with pytest.raises(ValueError, match="try 3"):
        await result


async def test_a_retry_that_goes_well_counts(eager):
    @eager.task(autoretry_for=(ValueError,), bind=True)
    async def flaky(self):
        if self.request.retries < 2:
            raise ValueError("not yet")
        return [each.error for each in self.request.attempts]

    assert await flaky.delay().get() == ["ValueError: not yet"] * 2


async def test_a_deadline_comes_nearer_though_nothing_waits(app):
    runs = []

    @app.task(autoretry_for=(ValueError,), retry_for=1000, default_retry_delay=400)
    def never():
        runs.append(1)
        raise ValueError("no")

    assert await (await never.apply()).failed()
    assert len(runs) == 4  # after 0, 400, 800 and 1200 seconds


async def test_what_was_returned_stands_where_a_retry_was_not_thrown(app):
    runs = []

    @app.task(bind=True, max_retries=2)
    async def again(self):
        runs.append(self.request.retries)
        if self.request.retries < 2:
            self.retry(throw=False)
        return f"run {self.request.retries}"

    result = await again.apply()
    assert (await result, await result.state, await result.retries) == ("run 0", "SUCCESS", 0)
    assert runs == [0, 1, 2]


@pytest.mark.parametrize(
    ("error", "state"), [(Ignore(), "IGNORED"), (Reject("no", requeue=True), "REJECTED")]
)
async def test_what_is_ignored_or_rejected_is_over(eager, error, state):
    eager.conf.task_store_eager_result = True

    @eager.task
    def give_up():
        raise error

    result = await give_up.delay()
    assert await result.state == state
    assert await result.get(timeout=1) is None
    assert [update.state async for update in result.updates()] == [state]
    assert not await eager.AsyncResult(result.id).exists()


async def test_what_is_rejected_for_good_has_failed_as_on_a_worker(app):
    told = []

    @app.task
    async def refuse():
        raise Reject("no")

    @app.task
    async def tell(request, error, traceback):
        told.append(repr(error))

    result = await refuse.s().on_error(tell.s()).apply()
    assert await result.state == "FAILURE"
    with pytest.raises(Reject, match="no"):
        await result
    assert told == [repr(Reject("no"))]


async def test_a_task_that_cancels_itself_has_failed_and_its_caller_goes_on(app):
    @app.task
    async def cancels():
        asyncio.current_task().cancel()
        await asyncio.sleep(10)

    with pytest.raises(TaskError, match="cancelled itself"):
        await cancels.apply().get()


async def test_cancelling_the_caller_cancels_the_task(app):
    started, ended = asyncio.Event(), asyncio.Event()

    @app.task
    async def wait():
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    caller = asyncio.create_task(wait.apply().get())
    await started.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()


async def test_hooks_and_middleware_are_called(app):
    class Doubling(Middleware):
        async def execute(self, request, proceed):
            return 2 * await proceed()

    class Telling(Task):
        told = []  # noqa: RUF012

        def on_success(self, retval, task_id, args, kwargs):
            self.told.append((retval, task_id, args))

    app.middleware.append(Doubling())

    @app.task(base=Telling)
    def add(x, y):
        return x + y

    assert await add.apply((1, 2), task_id="me").get() == 6
    assert add.told == [(6, "me", (1, 2))]
