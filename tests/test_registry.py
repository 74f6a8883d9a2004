import functools

import pytest

from asynq import Asynq, Task, registry, shared_task
from asynq.exceptions import (
    AlreadyRegistered,
    ImproperlyConfigured,
    NotRegistered,
    OptionTypeError,
    OptionValueError,
)


@pytest.fixture
def app():
    return Asynq("proj", broker="memory://")


@pytest.fixture(autouse=True)
def _shared_tasks_of_each_test(monkeypatch):
    monkeypatch.setattr(registry, "_shared", {})


def define(app, name=None):
    def add(x, y):
        return x + y

    return app.task(add, name=name) if name else app.task(add)


# Names


def test_a_task_is_called_by_its_module_and_function(app):
    assert define(app).name == f"{__name__}.add"


def test_a_name_that_is_given_wins(app):
    assert define(app, "proj.plus").name == "proj.plus"


@pytest.mark.parametrize(("main", "name"), [("proj", "proj.add"), (None, "__main__.add")])
def test_in_a_script_the_apps_name_stands_for_the_module(main, name):
    def add():
        pass

    add.__module__ = "__main__"
    assert Asynq(main, set_as_current=False).task(add).name == name


def test_a_lambda_needs_a_name(app):
    with pytest.raises(ImproperlyConfigured, match=r"lambda at .*test_registry\.py:\d+.*name="):
        app.task(lambda: 1)
    assert app.task(lambda: 1, name="proj.one")() == 1


def test_a_name_must_be_one(app):
    with pytest.raises(ImproperlyConfigured, match="task name 'a b'"):
        define(app, "a b")


# What can be a task


@pytest.mark.parametrize("thing", [3, "queue", None])
def test_what_cannot_be_called_is_no_task(app, thing):
    with pytest.raises(TypeError, match="argument 1 to @task"):
        app.task()(thing)


def test_generators_are_no_tasks(app):
    def numbers():
        yield 1

    async def later():
        yield 1

    for function in (numbers, later, functools.partial(numbers)):
        with pytest.raises(TypeError, match="is a generator: a task returns one value"):
            app.task(function, name="proj.x")


def test_an_async_def_does_not_run_in_a_thread(app):
    async def later():
        pass

    with pytest.raises(ImproperlyConfigured, match=r"async def.*pool='thread' is for `def`"):
        app.task(later, pool="thread")


def test_a_partial_and_an_object_can_be_tasks(app):
    class Adder:
        async def __call__(self, x):
            return x

    assert app.task(functools.partial(max, 3), name="proj.max")(5) == 5
    assert app.task(Adder(), name="proj.adder").is_coroutine


def test_the_class_must_be_a_task_class(app):
    with pytest.raises(TypeError, match=r"expected a subclass of asynq\.Task, got <class 'int'>"):
        app.task(base=int)(lambda: 1)


def test_an_option_of_a_later_release_is_refused_where_the_task_is_defined(app):
    with pytest.raises(NotImplementedError, match=r"test_registry\.py:\d+.*'compression'"):
        app.task(compression="gzip")(test_generators_are_no_tasks)

    class Limited(Task):
        compression = "gzip"

    with pytest.raises(NotImplementedError, match="'compression'"):
        app.task(base=Limited, name="x")(lambda: 1)


# Finding


def test_a_task_is_found_by_its_name(app):
    add = define(app, "proj.add")
    assert app.tasks["proj.add"] is add
    assert "proj.add" in app.tasks
    assert list(app.tasks) == ["proj.add"]
    assert len(app.tasks) == 1
    assert repr(app.tasks) == "<tasks: proj.add>"


def test_an_unknown_name_is_told_the_nearest(app):
    define(app, "proj.add")
    with pytest.raises(
        NotRegistered, match=r"no task is called 'proj.ad'; did you mean 'proj.add'"
    ):
        app.tasks["proj.ad"]
    with pytest.raises(KeyError):
        app.tasks["else"]
    assert app.tasks.get("else") is None
    assert "else" not in app.tasks


# Two of one name


def test_two_functions_of_one_name_are_an_error_that_names_both(app):
    define(app, "proj.add")
    with pytest.raises(AlreadyRegistered, match=r"'proj.add'.*test_registry.*test_registry"):
        app.task(name="proj.add")(lambda: 1)


def test_a_function_that_is_defined_again_replaces_itself(app):
    define(app)
    again = define(app)
    assert app.tasks[again.name] is again


# Shared tasks


def test_a_shared_task_is_in_every_app_made_before_and_after(app):
    @shared_task(name="lib.add")
    def add(x, y):
        return x + y

    after = Asynq("after")
    assert app.tasks["lib.add"].app is app
    assert after.tasks["lib.add"].app is after
    assert "lib.add" in Asynq("third").tasks


async def test_calling_a_shared_task_calls_the_current_apps(app):
    @shared_task(name="lib.add", bind=True)
    def add(self, x):
        return self.app

    assert await add.apply((1,)).get() is app
    other = Asynq("other", broker="memory://", backend="disabled://")
    assert await add.apply((1,)).get() is other
    app.set_default()
    assert await add.apply((1,)).get() is app
    await add.delay(1)
    assert await app.broker.depth("default") == 1
    await app.broker.purge("default")
    await app.aclose()


def test_a_plain_call_of_a_shared_task_needs_no_app(monkeypatch):
    monkeypatch.setattr("asynq.application._everywhere", [])

    @shared_task
    def add(x, y):
        return x + y

    assert add(1, 2) == 3
    with pytest.raises(ImproperlyConfigured, match="there is no app yet"):
        add.delay(1, 2)


def test_in_a_script_a_shared_task_has_the_name_of_each_app():
    def add():
        pass

    add.__module__ = "__main__"
    shared_task(add)
    assert "one.add" in Asynq("one").tasks
    assert "two.add" in Asynq("two").tasks


def test_a_shared_task_that_is_defined_again_replaces_itself(app):
    def define_shared(value):
        @shared_task(name="lib.value")
        def value_of():
            return value

    define_shared(1)
    assert app.tasks["lib.value"]() == 1
    define_shared(2)
    app.finalize()
    assert app.tasks["lib.value"]() == 2


def test_two_shared_tasks_of_one_name_are_an_error_where_the_second_is_defined():
    shared_task(name="lib.x")(test_a_lambda_needs_a_name)
    with pytest.raises(AlreadyRegistered, match=r"lib\.x"):
        shared_task(name="lib.x")(lambda: 1)


def test_a_shared_task_has_options_and_a_class(app):
    class Base(Task):
        pass

    @shared_task(name="lib.x", base=Base, queue="lib", bind=True)
    def x(self):
        return self

    own = app.tasks["lib.x"]
    assert isinstance(own, Base)
    assert own.queue == "lib"
    assert own() is own


def test_a_task_that_may_be_retried_without_end_is_spoken_of_once(app, caplog):
    @shared_task(max_retries=None, name="tests.endless")
    def endless():
        pass

    assert app.tasks["tests.endless"].max_retries is None
    assert caplog.messages == ["tests.endless may be retried without end (max_retries=None)"]


def test_a_deadline_is_an_end(app, caplog):
    app.task(max_retries=None, retry_for=60, name="patient")(lambda: None)
    assert caplog.messages == []


def test_the_switch_that_binds_is_on_or_off():
    app = Asynq("proj")
    with pytest.raises(OptionTypeError, match="bind: expected True or False, got 'yes'"):

        @app.task(bind="yes")
        def add(x, y): ...


def test_the_limits_of_a_class_and_of_its_task_are_checked_together():
    class Base(Task):
        soft_time_limit = 9

    app = Asynq("proj")
    with pytest.raises(OptionValueError, match="must be below time_limit"):

        @app.task(base=Base, time_limit=5)
        def add(x, y): ...
