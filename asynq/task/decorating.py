"""How `@app.task` and `@shared_task` look to a type checker."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from asynq.task.base import Task

P = ParamSpec("P")
R = TypeVar("R")

Async = Coroutine[Any, Any, R]
TaskOfAsync = Task[P, R, Async[R]]
"""What an `async def` becomes."""
TaskOfDef = Task[P, R, R]
"""What a `def` becomes."""


class Decorator(Protocol):
    """`@app.task(…)`: from a function to a task."""

    @overload
    def __call__(self, function: Callable[P, Async[R]], /) -> TaskOfAsync[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> TaskOfDef[P, R]: ...


class BoundDecorator(Protocol):
    """`@app.task(bind=True, …)`: the function's first argument is the task itself."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[Any, P], Async[R]], /
    ) -> TaskOfAsync[P, R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Any, P], R], /) -> TaskOfDef[P, R]: ...
