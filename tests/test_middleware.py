"""Middleware around runs; around publishing it is in `test_sending`."""

import inspect

import pytest

from asynq import Asynq
from asynq.exceptions import Ignore, Retry
from asynq.middleware import Middleware


@pytest.fixture
async def app(namespace):
    async with Asynq("proj", broker="memory://", namespace=namespace) as app:
        yield app


async def test_the_first_is_the_outermost_and_each_sees_the_value(app):
    seen = []

    class Named(Middleware):
        def __init__(self, name):
            self.name = name

        async def execute(self, request, proceed):
            seen.append(f"{self.name} {request.task} {request.id}")
            value = await proceed()
            seen.append(f"{self.name} {value}")
            return value + 1

    app.middleware += [Named("one"), Named("two")]

    @app.task(name="add")
    def add(x, y):
        seen.append("run")
        return x + y

    assert await add.apply((1, 2), task_id="me").get() == 5
    assert seen == ["one add me", "two add me", "run", "two 3", "one 4"]


@pytest.mark.parametrize("pool", ["loop", "thread"])
async def test_it_may_change_the_arguments(app, pool):
    class Changing(Middleware):
        async def execute(self, request, proceed):
            request.args, request.kwargs = (5,), {"y": 6}
            return await proceed()

    app.middleware.append(Changing())

    async def add_async(x, y):
        return x + y

    add = app.task(name="add")(add_async if pool == "loop" else lambda x, y: x + y)
    assert await add.apply((1, 2)).get() == 11


async def test_it_sees_the_error_and_may_answer_for_the_task(app):
    class Catching(Middleware):
        async def execute(self, request, proceed):
            try:
                return await proceed()
            except KeyError as error:
                return f"no {error}"

    app.middleware.append(Catching())

    @app.task
    async def look_up():
        raise KeyError("key")

    result = await look_up.apply()
    assert (await result.state, await result) == ("SUCCESS", "no 'key'")


async def test_an_error_that_it_lets_through_stays_what_it_was(app):
    app.middleware.append(Middleware())

    @app.task(throws=KeyError)
    def look_up():
        raise KeyError("key")

    result = await look_up.apply()
    assert await result.failed()
    traceback = await result.traceback
    assert "in look_up" in traceback
    assert "execution/run.py" not in traceback.split("middleware.py")[0]


async def test_what_it_raises_is_what_the_task_has_raised(app):
    class No(Middleware):
        async def execute(self, request, proceed):
            raise Ignore

    app.middleware.append(No())

    @app.task
    def never():
        raise AssertionError("it ran")

    assert await (await never.apply()).state == "IGNORED"


async def test_it_sees_a_retry(app):
    seen = []

    class Watching(Middleware):
        async def execute(self, request, proceed):
            try:
                return await proceed()
            except Retry as retry:
                seen.append((request.retries, repr(retry.exc)))
                raise

    app.middleware.append(Watching())

    @app.task(bind=True, max_retries=1)
    async def flaky(self):
        if self.request.retries:
            return "done"
        raise self.retry(exc=ValueError("x"))

    assert await flaky.apply().get() == "done"
    assert seen == [(0, "ValueError('x')")]


async def test_a_stop_iteration_does_not_break_it(app):
    app.middleware.append(Middleware())

    @app.task
    def stop():
        raise StopIteration(3)

    with pytest.raises(RuntimeError, match="StopIteration"):
        await stop.apply().get()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([Middleware], "got <class 'asynq.middleware.Middleware'>: write Middleware()"),
        ("tenants", "expected objects of subclasses of Middleware, got 't'"),
        (Middleware(), "middleware: expected a list of them, got <asynq.middleware"),
    ],
)
def test_what_is_no_middleware_is_refused_where_the_app_is_made(given, says):
    with pytest.raises(TypeError) as refused:
        Asynq("proj", middleware=given, set_as_current=False)
    assert says in str(refused.value)


async def test_what_wraps_only_calls_leaves_a_run_as_bare_as_without_it(app):
    class Counting(Middleware):
        async def publish(self, outgoing, proceed):
            await proceed()

    @app.task(name="depth")
    async def depth():
        return len(inspect.stack())

    bare = await depth.apply().get()
    app.middleware.append(Counting())
    assert await depth.apply().get() == bare
    app.middleware.append(Middleware())
    assert await depth.apply().get() == bare

    class Wrapping(Middleware):
        async def execute(self, request, proceed):
            return await proceed()

    app.middleware.append(Wrapping())
    assert await depth.apply().get() > bare
