"""A task is a function with a name: `async def` on the event loop, `def` in a thread."""

import threading

from asynq import Asynq
from tests.fundamentals.library import greet


async def test_async_def_runs_on_the_event_loop(app, worker):
    @app.task
    async def where() -> str:
        return threading.current_thread().name

    assert await where.delay().get(timeout=10) == threading.main_thread().name


async def test_def_runs_in_a_thread(app, worker):
    @app.task
    def where() -> str:
        return threading.current_thread().name

    assert await where.delay().get(timeout=10) != threading.main_thread().name


async def test_a_bound_task_knows_its_call(app, worker):
    @app.task(bind=True)
    async def whoami(self) -> str:
        return self.request.id

    result = await whoami.delay()
    assert await result.get(timeout=10) == result.id


def test_a_task_is_called_after_its_module_and_function(app):
    @app.task
    async def add(x, y): ...

    assert add.name == "tests.fundamentals.test_03_defining_tasks.add"


def test_a_name_can_be_given(app):
    @app.task(name="sums.add")
    async def add(x, y): ...

    assert app.tasks["sums.add"] is add


async def test_a_shared_task_belongs_to_every_app(app, worker):
    """Code without an app uses `shared_task`; `greet` is in `library.py`."""
    assert await app.tasks[greet.name].delay("Ada").get(timeout=10) == "Hello, Ada!"
    assert greet.name in Asynq("another").tasks


async def test_arguments_come_as_they_are_annotated(app, worker):
    @app.task
    async def kinds(numbers: set[int], pair: tuple[int, str]) -> list[str]:
        return [type(numbers).__name__, type(pair).__name__]

    assert await kinds.delay({1, 2}, (1, "a")).get(timeout=10) == ["set", "tuple"]
