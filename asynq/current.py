"""`current_app` and `current_task`: stand-ins for whatever is current where they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from asynq.app import Asynq
from asynq.request import current
from asynq.task import AnyTask, current_application


def get_current_app() -> Asynq:
    """The app of the worker whose task runs here; elsewhere the one that was made last.

    Raises:
        ImproperlyConfigured: there is none.
    """
    return cast("Asynq", current_application())


def get_current_task() -> AnyTask | None:
    """The task that runs here; None outside of tasks."""
    request = current.get()
    if request is None or not request.task:
        return None
    task: AnyTask | None = get_current_app().tasks.get(request.task)
    return task


class _Current:
    """Looks up what is current each time it is used, and passes everything on to that."""

    __slots__ = ("_find", "_name")

    def __init__(self, name: str, find: Callable[[], object]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_find", find)

    def __getattr__(self, name: str) -> Any:
        found = self._find()
        if found is None:
            raise AttributeError(f"{self._name}.{name}: no task runs here", name=name, obj=self)
        return getattr(found, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._find(), name, value)

    def __bool__(self) -> bool:
        return bool(self._find() is not None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._find()(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return bool(self._find() == other)

    def __hash__(self) -> int:
        return hash(self._find())

    def __repr__(self) -> str:
        return f"<{self._name}>" if self._find() is None else repr(self._find())


current_app = cast("Asynq", _Current("current_app", get_current_app))
"""The current app, found each time it is used (see `get_current_app`). Prefer naming your app."""

current_task = cast("AnyTask", _Current("current_task", get_current_task))
"""The task that runs here, found each time it is used; false outside of tasks."""
