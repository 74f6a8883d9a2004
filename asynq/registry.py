"""Tasks by name: how a function becomes a task, what it is called, and where it is found.

A name belongs to one function. Another function of that name is an error, because the first to be
imported would decide what runs; the same function again (a reload, a notebook's cell) replaces
itself.

**Shared tasks** are for code that has no app: a library, a reusable Django app. `@shared_task`
gives a real `Task` that belongs to no app. Every app, made before or after, has an object of its
own for it in `app.tasks`. Calling the shared one calls the current app's: inside a task that of the
worker, elsewhere the app that was made last (`app.set_default()` chooses another).
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MethodType
from typing import Any, Final, Literal, Unpack, overload

from asynq._imports import import_object
from asynq.application import Application
from asynq.conf.kinds import FLAG
from asynq.exceptions import AlreadyRegistered, ImproperlyConfigured, NotRegistered
from asynq.options import (
    TaskOptions,
    check_limits,
    is_task_option,
    read_option,
    read_task_options,
)
from asynq.routes import check_name
from asynq.task.base import AnyTask, Task
from asynq.task.decorating import Async, BoundDecorator, Decorator, P, R, TaskOfAsync, TaskOfDef
from asynq.task.recipe import Recipe
from asynq.wire.arguments import Parameters, Returned

logger = logging.getLogger("asynq.registry")

OURS: Final = "asynq."
"""What the names of our own tasks begin with."""


class TaskRegistry(Mapping[str, AnyTask]):
    """An app's tasks by name: `app.tasks`.

    Looking up an unknown name raises `NotRegistered`, which is a `KeyError` too.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self._tasks: dict[str, AnyTask] = {}
        self._own: dict[AnyTask, AnyTask] = {}
        self._adopted: dict[str, AnyTask] = {}
        self._builtin: dict[str, AnyTask] = {}
        """Those of our own that were looked for: they are found, and not listed."""

    def __getitem__(self, name: str) -> AnyTask:
        task: AnyTask | None = self.get(name)
        if task is None:
            raise NotRegistered(self._unknown(name))
        return task

    def get(self, name: str, default: Any = None) -> Any:
        """The task of that name, or `default`."""
        task = self._tasks.get(name)
        if task is None:
            self.adopt()
            task = self._tasks.get(name) or self._own_one(name)
        return default if task is None else task

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        self.adopt()
        return iter(list(self._tasks))

    def __len__(self) -> int:
        self.adopt()
        return len(self._tasks)

    def __repr__(self) -> str:
        return f"<tasks: {', '.join(sorted(self)) or 'none'}>"

    def add(self, task: AnyTask) -> None:
        """Take a task in.

        Raises:
            AlreadyRegistered: another function has its name.
        """
        there = self._tasks.get(task.name)
        if there is not None:
            _check_same(there, task)
        self._tasks[task.name] = task

    def adopt(self) -> None:
        """Make the app's own objects of all shared tasks that it does not have yet."""
        if self._adopted != _shared:
            for shared in list(_shared.values()):
                self.own(shared)
            self._adopted = dict(_shared)

    def own(self, shared: AnyTask) -> AnyTask:
        """The app's own object for a shared task."""
        own = self._own.get(shared)
        if own is None:
            own = set_up(type(shared)(), shared.recipe, self._app)
            self.add(own)
            self._own[shared] = own
        return own

    def _own_one(self, name: str) -> AnyTask | None:
        """The task of our own of that name."""
        task = self._builtin.get(name)
        if task is None and name.startswith(OURS):
            # Loaded by who runs them: a program that sends does not need them.
            build: Callable[[str, Application], AnyTask | None]
            build = import_object("asynq.builtin:build")
            task = build(name, self._app)
            if task is not None:
                self._builtin[name] = task
        return task

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._tasks, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(self) or 'none'}"
        return f"no task is called {name!r}; {hint}"


def make(
    function: Callable[..., Any] | None,
    task: AnyTask,
    app: Application | None,
    *,
    name: str | None = None,
    bind: bool = False,
    options: Mapping[str, object] | None = None,
) -> AnyTask:
    """Make a new object of a task class the task that runs `function`.

    Args:
        function: What to run; None: `run` of the task's class.
        task: The object.
        app: Whose it is; None: shared.
        name: What to call it; None: by its module and function.
        bind: Give the function the task itself as its first argument.
        options: Of `asynq.options.TaskOptions`; they stand over attributes of the task's class.

    Raises:
        TypeError: the function is none, or a generator; or there is no such option.
        NotImplementedError: an option that this release does not have.
        ImproperlyConfigured: an option's value is wrong, or it can't be named.
    """
    home: Any = type(task) if function is None else _unwrapped(function)
    module = getattr(home, "__module__", None) or "__main__"
    qualname = getattr(home, "__qualname__", None) or type(home).__qualname__
    place = _place(home, module, qualname)
    checked = _class_options(type(task), place)
    owner = f"the task at {place}"
    checked.update(read_task_options(options or {}, owner))
    check_limits(checked, owner)
    bind = read_option("bind", bind, owner, FLAG)
    recipe = Recipe(
        function=function,
        bind=bind,
        name=name or (task.name or None),
        module=module,
        qualname=qualname,
        place=place,
        options=checked,
    )
    set_up(task, recipe, app)
    if task.max_retries is None and task.retry_for is None:
        logger.warning("%s may be retried without end (max_retries=None)", task.name)
    return task


def set_up(task: AnyTask, recipe: Recipe, app: Application | None) -> AnyTask:
    """Give a new object of a task class everything that the recipe says; raises as `make` does."""
    name = name_of(recipe, None if app is None else app.main)
    own = vars(task)
    own.update(recipe.options)
    own.update(_recipe=recipe, _app=app, name=name)
    own.update(__module__=recipe.module, __qualname__=recipe.qualname)
    function = recipe.function
    if function is not None:
        own["run"] = MethodType(function, task) if recipe.bind else function
        own.update(__doc__=function.__doc__, __wrapped__=function)
        own["__name__"] = getattr(function, "__name__", name.rpartition(".")[2])
    _check_callable(task.run, recipe.place)
    overridden = type(task).__call__ is not Task.__call__
    called = task.__call__ if overridden else task.run
    own["is_coroutine"] = _is_async(called) or _is_async(task.run)
    own["pool"] = recipe.options.get("pool") or ("loop" if task.is_coroutine else "thread")
    if task.is_coroutine and task.pool == "thread":
        raise ImproperlyConfigured(
            f"the task at {recipe.place} is an `async def`, which runs on the event loop: "
            "pool='thread' is for `def`"
        )
    # A child process finds the task by its place in the code; what stands there is no function.
    by_reference = task.pool == "process" and not overridden
    own["target"] = task.perform if by_reference else called
    own["parameters"] = Parameters(function or task.run, name=name, bound=recipe.bind)
    own["returned"] = Returned(function or task.run, name=name)
    return task


def name_of(recipe: Recipe, main: str | None) -> str:
    """What a task is called: as it was told, else by its module and function.

    A script's module is ``__main__``; the app's name stands for it, because a worker imports the
    same code under its real name.
    """
    if recipe.name is not None:
        return check_name(recipe.name, "task name")
    # In a child process that the script has started, the script is the second of these.
    script = recipe.module in ("__main__", "__mp_main__")
    module = main or "__main__" if script else recipe.module
    short = recipe.qualname.rpartition(".")[2]
    if short == "<lambda>":
        raise ImproperlyConfigured(f"the lambda at {recipe.place} has no name: give it one, name=…")
    return check_name(f"{module}.{short}", "task name")


@overload
def shared_task(function: Callable[P, Async[R]], /) -> TaskOfAsync[P, R]: ...
@overload
def shared_task(function: Callable[P, R], /) -> TaskOfDef[P, R]: ...
@overload
def shared_task(
    *,
    bind: Literal[True],
    name: str | None = None,
    base: type[AnyTask] | None = None,
    **options: Unpack[TaskOptions],
) -> BoundDecorator: ...
@overload
def shared_task(
    *,
    bind: Literal[False] = False,
    name: str | None = None,
    base: type[AnyTask] | None = None,
    **options: Unpack[TaskOptions],
) -> Decorator: ...
def shared_task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    bind: bool = False,
    name: str | None = None,
    base: type[AnyTask] | None = None,
    **options: Any,
) -> Any:
    """Make a function a task of every app, now and later; for code that has no app at hand.

    Arguments, options and errors are those of `Asynq.task`. Calling it before there is an app
    raises `ImproperlyConfigured`; see the module's text for which app is called when there are
    several.
    """

    def decorate(function: Callable[..., Any]) -> AnyTask:
        check_function(function)
        task = new(base or Task)
        make(function, task, None, name=name, bind=bind, options=options)
        there = _shared.get(task.name)
        if there is not None:
            _check_same(there, task)
        _shared[task.name] = task
        return task

    return decorate if function is None else decorate(function)


_shared: dict[str, AnyTask] = {}
"""All shared tasks, by the names they have in an app without a name."""


def check_class(base: object) -> type[AnyTask]:
    """See that it is a task class.

    Raises:
        TypeError: it is no subclass of `Task`.
    """
    if not isinstance(base, type) or not issubclass(base, Task):
        raise TypeError(f"expected a subclass of asynq.Task, got {base!r}")
    return base


def new(base: object) -> AnyTask:
    """A new object of a task class; raises as `check_class` does."""
    return check_class(base)()


def check_function(function: object) -> None:
    """See that it can be called.

    Raises:
        TypeError: it can't.
    """
    if not callable(function):
        raise TypeError(
            f"argument 1 to @task() must be a callable, not {function!r}; options are named"
        )


def _check_callable(run: Callable[..., Any], place: str) -> None:
    function = _unwrapped(run)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"the task at {place} is a generator: a task returns one value. Return a list, or "
            "report on the way with self.update_state(…)"
        )


def _class_options(cls: type[AnyTask], place: str) -> dict[str, Any]:
    """Options that a task class sets as attributes; a class nearer to the task's stands over."""
    written: dict[str, object] = {}
    for each in reversed(cls.__mro__):
        if each not in Task.__mro__:
            written.update({k: v for k, v in vars(each).items() if is_task_option(k)})
    return read_task_options(written, f"{cls.__name__} of the task at {place}")


def _check_same(there: AnyTask, task: AnyTask) -> None:
    """Let a function that is defined again take its own place; no other."""
    one, other = there.recipe, task.recipe
    if (one.module, one.qualname) != (other.module, other.qualname):
        raise AlreadyRegistered(
            f"two tasks are called {task.name!r}: one at {one.place}, one at {other.place}. Give "
            "one of them another name: name='…'"
        )


def _unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(function, partial):
        function = function.func
    return function


def _is_async(function: Callable[..., Any]) -> bool:
    function = _unwrapped(function)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object whose __call__ is async
    )


def _place(home: Any, module: str, qualname: str) -> str:
    code = getattr(inspect.unwrap(home) if callable(home) else home, "__code__", None)
    where = f"{module}.{qualname}"
    return where if code is None else f"{code.co_filename}:{code.co_firstlineno} ({where})"
