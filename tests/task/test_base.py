import asyncio
import inspect

import pytest

from asynq import Asynq, Task, Worker
from asynq.exceptions import ImproperlyConfigured
from asynq.request import current


@pytest.fixture
async def app(namespace):
    app = Asynq("proj", broker="memory://", namespace=namespace)
    yield app
    await app.aclose()


class DebugTask(Task):
    seen = []  # noqa: RUF012

    def __call__(self, *args, **kwargs):
        self.seen.append((self.name, self.request.id))
        return self.run(*args, **kwargs)


# A plain call


async def test_a_plain_call_runs_the_function_here(app):
    @app.task
    def double(x):
        return x * 2

    @app.task
    async def later(x):
        return x * 2

    assert double(4) == 8
    assert await later(4) == 8


async def test_a_plain_call_of_an_async_def_is_a_coroutine(app):
    @app.task
    async def later(x):
        return x

    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        later()
    coroutine = later(1)
    assert inspect.iscoroutine(coroutine)
    coroutine.close()


async def test_in_a_plain_call_the_request_says_so(app):
    @app.task(bind=True)
    def look(self, x):
        return self.request

    @app.task(bind=True)
    async def look_later(self, x):
        return self.request

    for request in (look(1), await look_later(1)):
        assert (request.id, request.called_directly, request.args) == (None, True, (1,))
    assert current.get() is None
    assert look.request.called_directly


async def test_a_plain_call_inside_a_task_leaves_the_tasks_request_alone(app):
    @app.task(bind=True)
    async def outer(self):
        inside = await asyncio.gather(inner(1), inner(2))
        return self.request.id, [request.args for request in inside], inside[0].parent_id

    @app.task(bind=True)
    async def inner(self, x):
        await asyncio.sleep(0)
        return self.request

    assert await outer.apply(task_id="me").get() == ("me", [(1,), (2,)], "me")


# Calling elsewhere


async def test_wrong_arguments_are_an_error_in_the_caller(app):
    @app.task
    def add(x, y):
        pass

    with pytest.raises(TypeError, match=r"add\(\) missing 1 required positional argument: 'y'"):
        add.delay(1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        add.apply_async((1, 2), {"z": 3})


async def test_without_typing_arguments_are_not_checked(app):
    @app.task(typing=False)
    def add(x, y):
        pass

    await add.delay(1)


async def test_the_task_itself_is_no_argument(app):
    @app.task(bind=True)
    def add(self, x, y):
        return x + y

    with pytest.raises(TypeError, match="missing 1"):
        add.delay(1)
    assert add(1, 2) == 3
    assert await add.apply((1, 2)).get() == 3


@pytest.mark.parametrize(
    ("args", "kwargs"), [("ab", None), (1, None), ({1}, None), (None, [("x", 1)])]
)
async def test_arguments_of_apply_async_are_a_list_and_a_dict(app, args, kwargs):
    @app.task
    def add(x, y):
        pass

    with pytest.raises(TypeError, match="expected a"):
        add.apply_async(args, kwargs)


async def test_a_wrong_option_is_an_error_in_the_caller(app):
    @app.task
    def add(x, y):
        pass

    with pytest.raises(TypeError, match=r"add\.apply_async\(\): .*did you mean 'countdown'"):
        add.apply_async((1, 2), countdwon=3)


async def test_a_task_makes_signatures_of_itself(app):
    @app.task
    def add(x, y=0):
        pass

    assert add.s(1, y=2) == add.signature((1,), {"y": 2})
    assert add.si(1).immutable
    with pytest.raises(TypeError, match=r"args: expected a list or a tuple"):
        add.signature(1)


# Options


async def test_options_that_are_not_set_are_as_the_settings_say(app):
    @app.task
    def plain():
        pass

    assert (plain.ignore_result, plain.track_started, plain.result_expires) == (False, True, 86400)
    app.conf.update(task_ignore_result=True, result_expires=None, task_track_started=False)
    assert (plain.ignore_result, plain.track_started, plain.result_expires) == (True, False, None)
    assert (plain.queue, plain.priority, plain.serializer) == (None, None, "json")
    assert plain.store_errors_even_if_ignored is False
    assert plain.acks_late is True
    assert plain.throws == ()


async def test_options_of_the_decorator_stand_over_the_class_and_the_class_over_settings(app):
    class Quiet(Task):
        ignore_result = True
        queue = "quiet"
        throws = KeyError

    @app.task(base=Quiet, queue="own")
    def task():
        pass

    assert (task.ignore_result, task.queue, task.throws) == (True, "own", (KeyError,))


async def test_an_option_that_is_none_is_as_the_settings_say(app):
    @app.task(ignore_result=None)
    def task():
        pass

    task.ignore_result = True
    assert task.ignore_result is True
    task.ignore_result = None
    assert task.ignore_result is False


async def test_an_option_set_later_is_checked_too(app):
    @app.task
    def task():
        pass

    with pytest.raises(NotImplementedError, match=r"proj\.task|compression"):
        task.compression = "gzip"
    with pytest.raises(ImproperlyConfigured, match="priority"):
        task.priority = 10
    with pytest.raises(AttributeError, match="pool is settled"):
        task.pool = "process"
    task.whatever = 3
    assert task.whatever == 3


async def test_where_a_task_runs(app):
    @app.task
    async def loop():
        pass

    @app.task
    def thread():
        pass

    @app.task(pool="process")
    def process():
        pass

    assert (loop.pool, thread.pool, process.pool) == ("loop", "thread", "process")
    assert (loop.is_coroutine, thread.is_coroutine) == (True, False)


# Classes of one's own


async def test_a_class_can_wrap_every_run(app):
    @app.task(base=DebugTask)
    def double(x):
        return x * 2

    @app.task(base=DebugTask)
    async def later(x):
        return x * 2

    DebugTask.seen.clear()
    assert double(1) == 2
    assert await later(1) == 2
    assert await double.apply((2,), task_id="a").get() == 4
    assert await later.apply((2,), task_id="b").get() == 4
    async with Worker(app):
        assert await double.apply_async((3,), task_id="c").get(5) == 6
        assert await later.apply_async((3,), task_id="d").get(5) == 6
    assert [id for _, id in DebugTask.seen] == [None, None, "a", "b", "c", "d"]
    assert {name for name, _ in DebugTask.seen} == {double.name, later.name}


async def test_a_class_with_run_is_a_task(app):
    class Add(Task):
        """Adds."""

        name = "proj.adding"
        queue = "sums"

        def run(self, x: int, y: int) -> int:
            return x + y

    add = app.register_task(Add())
    assert app.tasks["proj.adding"] is add
    assert add(1, 2) == 3
    with pytest.raises(TypeError, match="missing 1"):
        add.delay(1)
    assert await add.apply((1, 2)).get() == 3
    assert add.queue == "sums"


async def test_what_is_kept_on_a_task_lasts_between_runs(app):
    class Counting(Task):
        count = 0

        def run(self):
            self.count += 1
            return self.count

    counting = app.register_task(Counting)
    assert [await counting.apply().get() for _ in range(3)] == [1, 2, 3]


def test_a_class_without_run_says_so():
    with pytest.raises(NotImplementedError, match=r"has no run\(\)"):
        Task()()


# Inside a run


async def test_a_task_reports_progress(app):
    @app.task(bind=True)
    async def work(self):
        await self.update_state(state="HALF", meta={"done": 5})
        return [(await self.AsyncResult(self.request.id).info), await half.state]

    async with Worker(app):
        half = await work.delay()
        assert await half.get(5) == [{"done": 5}, "HALF"]


async def test_a_final_state_is_no_progress(app):
    @app.task
    def task():
        pass

    with pytest.raises(ValueError, match="SUCCESS ends a task"):
        await task.update_state("id", "SUCCESS")
    with pytest.raises(ValueError, match="give the task_id"):
        await task.update_state(state="PROGRESS")
    await task.update_state("an-id", meta=1)
    assert await app.AsyncResult("an-id").state == "PROGRESS"


async def test_a_result_by_its_id_is_read_as_annotated(app):
    @app.task
    async def share() -> set[int]:
        return {1, 2}

    async with Worker(app):
        result = await share.delay()
        await result
        assert await share.AsyncResult(result.id) == {1, 2}
        assert await app.AsyncResult(result.id) == {1, 2}


async def test_a_worker_with_one_slot_runs_a_task_that_waits_for_another(app):
    @app.task
    async def outer(depth: int) -> int:
        return depth if depth == 0 else await outer.delay(depth - 1).get(5)

    async with Worker(app, concurrency=1):
        assert await outer.delay(3).get(5) == 0


async def test_a_worker_with_one_slot_runs_a_task_that_follows_another(app):
    @app.task
    async def outer():
        return [update.state async for update in (await inner.delay()).updates()]

    @app.task
    async def inner():
        pass

    async with Worker(app, concurrency=1):
        assert (await outer.delay().get(5))[-1] == "SUCCESS"


def test_a_task_says_what_it_is():
    app = Asynq("proj", set_as_current=False)

    @app.task(name="proj.add")
    def add():
        """Adds."""

    assert repr(add) == "<@task: proj.add of proj>"
    assert add.__doc__ == "Adds."
    assert add.__name__ == "add"
    assert add.app is app
