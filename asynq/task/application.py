"""What a task needs of its app, and which app is the current one."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol, TypeVar
from weakref import ref

from asynq.backends.base import ResultBackend
from asynq.conf import Settings
from asynq.exceptions import ImproperlyConfigured
from asynq.middleware import Middleware
from asynq.producer import Producer
from asynq.result.reading import Results
from asynq.task.recipe import Made

M = TypeVar("M", bound=Made)


class Application(Protocol):
    """What a task needs of its app."""

    main: str | None
    conf: Settings
    producer: Producer
    results: Results
    middleware: list[Middleware]

    @property
    def backend(self) -> ResultBackend:
        """The result backend of the running event loop."""
        ...

    def own(self, task: M) -> M:
        """The app's own object for a shared task."""
        ...


# Weakly, because contexts live on in places nobody sees (a cancelled timer of the event loop).
_here: ContextVar[ref[Application] | None] = ContextVar("asynq.app", default=None)
_everywhere: list[Application] = []


def make_current(app: Application, *, here: bool = False) -> None:
    """Make it the app of this context (`here`), or of all contexts that have none."""
    if here:
        _here.set(ref(app))
    else:
        _everywhere[:] = [app]


def current_application() -> Application:
    """The app of this context: a worker's own inside its tasks, else the one made last.

    Raises:
        ImproperlyConfigured: there is none.
    """
    here = _here.get()
    app = here() if here is not None else None
    if app is not None:
        return app
    if not _everywhere:
        raise ImproperlyConfigured(
            "there is no app yet: make one, app = Asynq('proj'), and import its module before a "
            "shared task is called"
        )
    return _everywhere[0]
