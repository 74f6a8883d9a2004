"""Tasks of our own: every worker has them, and no app lists them."""

import pytest

from asynq import Asynq, Worker, group, signature
from asynq.builtin import BUILTIN, build
from asynq.exceptions import NotRegistered
from asynq.middleware import Middleware
from tests.waiting import until


@pytest.fixture
async def app(namespace):
    async with Asynq(namespace, broker="memory://") as app:
        yield app


@pytest.fixture
async def worker(app):
    async with Worker(app) as worker:
        yield worker


def test_each_is_made_for_the_app(app):
    for name in BUILTIN:
        task = build(name, app)
        assert (task.name, task.app) == (name, app)
    assert build("asynq.none", app) is None


def test_no_app_lists_them(app):
    assert not BUILTIN.keys() & set(app.tasks)


async def test_middleware_does_not_see_them(namespace):
    seen = []

    class Look(Middleware):
        async def execute(self, request, proceed):
            seen.append(request.task)
            return await proceed()

    async with Asynq(namespace, broker="memory://", middleware=[Look()]) as app, Worker(app):

        @app.task(name="proj.fail")
        async def fail():
            raise ValueError("h")

        await (fail.s() | fail.si()).delay().get(timeout=10, propagate=False)
    assert seen == ["proj.fail"]


async def test_accumulate_gives_what_it_gets(app, worker):
    assert await signature("asynq.accumulate", ([1, 2],)).delay().get(timeout=10) == [1, 2]
    assert await signature("asynq.accumulate", (1, 2)).delay().get(timeout=10) == [1, 2]


async def test_map_of_a_task_that_is_not_here_is_a_failure(app, worker):
    call = signature("asynq.map", kwargs={"task": "proj.none", "it": [1]}).delay()
    with pytest.raises(NotRegistered, match=r"proj\.none"):
        await call.get(timeout=10)


async def test_what_is_left_of_a_workflow_that_is_gone_ends_quietly(app, worker):
    @app.task(name="proj.fail", bind=True)
    async def fail(self):
        app.broker.workflows()._workflows.clear()
        raise ValueError("h")

    @app.task
    async def after(*_): ...

    result = await (group(fail.s(), fail.s()) | after.s()).delay()

    async def nothing_waits():
        return not await app.broker.depth("default")

    await until(nothing_waits)
    assert await result.state == "PENDING"
