"""What tasks and signatures need of their app, and which app is the current one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, Unpack
from weakref import ref

from asynq.backends.base import ResultBackend
from asynq.conf import Settings
from asynq.exceptions import ImproperlyConfigured
from asynq.kept import Kept
from asynq.middleware import Middleware
from asynq.options import CallOptions
from asynq.producer import Producer
from asynq.result.handle import AsyncResult
from asynq.result.reading import Results
from asynq.result.submission import Submission

T = TypeVar("T", bound="Callee")


class Callee(Protocol):
    """What can be called elsewhere: a task, or what sends to those who have it."""

    name: str
    """What messages call it."""

    @property
    def producer(self) -> Producer:
        """Who sends its calls."""
        ...

    def prepare(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        takes: int | None,
    ) -> Kept:
        """A call that a workflow keeps until its turn.

        Args:
            args: Positional arguments, after those that come with its turn.
            kwargs: Named arguments.
            options: See `asynq.options.CallOptions`.
            takes: How many positional arguments come with its turn; None: that is not known.

        Raises:
            As `apply_async`.
        """
        ...

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[Any]:
        """Call it elsewhere."""
        ...

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[Any]:
        """Run it here."""
        ...

    def AsyncResult(self, task_id: str) -> AsyncResult[Any]:  # noqa: N802 - Celery's name
        """The handle on the result of a call."""
        ...


class Application(Protocol):
    """What tasks and signatures need of their app."""

    main: str | None
    conf: Settings
    producer: Producer
    results: Results
    middleware: list[Middleware]

    @property
    def backend(self) -> ResultBackend:
        """The result backend of the running event loop."""
        ...

    def own(self, task: T) -> T:
        """The app's own object for a shared task."""
        ...

    def callee(self, name: str) -> Callee:
        """The task of that name, or what sends to those who have it."""
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
