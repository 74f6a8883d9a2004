"""Soft time limits: `SoftTimeLimitExceeded` raised inside what runs too long, which may catch it.

In a coroutine it is raised at its `await`, and is a cancellation too, as far as asyncio is
concerned: a task group, a timeout, `gather` and anyio's scopes end what they hold as for any
cancellation, and the coroutine's own ``except SoftTimeLimitExceeded`` and ``except Exception``
catch it. Outside the coroutine it is a plain `SoftTimeLimitExceeded`. (Left through the body of an
`asyncio.TaskGroup` it comes out of the group as an exception group until Python 3.13, as any error
does; a coroutine that ends with such a group ends with the plain error.)

In a thread it is raised when the thread runs Python code next; what a thread waits for in C goes on
waiting (`asynq.execution.threads`). The main thread of a child process is woken by a signal.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, TypeVar

from asynq.exceptions import SoftTimeLimitExceeded

R = TypeVar("R")

PUBLIC_NAME: Final = {
    "__module__": SoftTimeLimitExceeded.__module__,
    "__qualname__": SoftTimeLimitExceeded.__qualname__,
    "__doc__": SoftTimeLimitExceeded.__doc__,
}


async def with_soft_limit(awaitable: Awaitable[R], seconds: float) -> R:
    """Await it, and raise `SoftTimeLimitExceeded` inside it if it takes longer.

    It may catch the error and go on, for as long as it likes: the limit strikes once. A coroutine
    that does not await anything meanwhile is struck at its next `await`. Somebody else's
    cancellation stays one; the limit waits until it has been taken back, if it ever is.

    Args:
        awaitable: What to await.
        seconds: How long it may take.

    Raises:
        SoftTimeLimitExceeded: the limit was over, and what ran let the error out.
        RuntimeError: not called in an asyncio task.
    """
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a soft time limit needs an asyncio task to strike")
    limited = _Limited(awaitable, task, seconds)
    timer = asyncio.get_running_loop().call_later(seconds, limited.strike)
    try:
        return await limited
    except (SoftTimeLimitExceeded, BaseExceptionGroup) as caught:
        error = _plain(caught)
        if error is caught:
            raise
    finally:
        timer.cancel()
    raise error


@contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise `SoftTimeLimitExceeded` in this thread, the main one, when it stays here longer.

    It interrupts what waits in C as well. Uses SIGALRM; None does nothing.
    """
    if seconds is None:
        yield
        return

    def strike(number: int, frame: FrameType | None) -> None:
        raise exceeded(seconds)

    before = signal.signal(signal.SIGALRM, strike)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        finally:
            signal.signal(signal.SIGALRM, before)


def exceeded(seconds: float) -> SoftTimeLimitExceeded:
    """The error of a limit of so many seconds."""
    return SoftTimeLimitExceeded(f"its soft_time_limit of {seconds:g} s is over")


def exceeded_class(seconds: float) -> type[SoftTimeLimitExceeded]:
    """The same as a class that is called without arguments: an error that Python itself makes."""

    def initialise(self: SoftTimeLimitExceeded) -> None:
        SoftTimeLimitExceeded.__init__(self, *exceeded(seconds).args)

    def reduce(self: SoftTimeLimitExceeded) -> tuple[Any, ...]:
        return SoftTimeLimitExceeded, self.args

    body = {**PUBLIC_NAME, "__init__": initialise, "__reduce__": reduce}
    return type(SoftTimeLimitExceeded.__name__, (SoftTimeLimitExceeded,), body)


class _Unwinding(SoftTimeLimitExceeded, asyncio.CancelledError):
    """What is raised inside a coroutine."""


# It is seen in tracebacks, and in the cause of what a task raises from it.
_Unwinding.__module__ = SoftTimeLimitExceeded.__module__
_Unwinding.__name__ = SoftTimeLimitExceeded.__name__
_Unwinding.__qualname__ = SoftTimeLimitExceeded.__qualname__


class _Limited(Generator[Any, Any, R]):
    """Stands between an asyncio task and a coroutine that it awaits, and takes part in each step.

    To strike, it has the task cancelled like anybody else would, so that whatever the task waits
    for is told, and puts our error in the place of the `CancelledError` that comes of it.
    """

    def __init__(self, awaitable: Awaitable[R], task: asyncio.Task[Any], seconds: float) -> None:
        self._coroutine = awaitable if isinstance(awaitable, Coroutine) else _awaiting(awaitable)
        self._task = task
        self._seconds = seconds
        self._others = task.cancelling()
        self._is_due = False
        self._has_cancelled = False

    def __await__(self) -> Generator[Any, Any, R]:
        return self

    # Who looks for what a task waits for shall find the coroutine, not us.

    @property
    def cr_frame(self) -> FrameType | None:
        frame: FrameType | None = getattr(self._coroutine, "cr_frame", None)
        return frame

    @property
    def cr_await(self) -> object:
        return getattr(self._coroutine, "cr_await", None)

    def strike(self) -> None:
        """The time is over."""
        self._is_due = True
        self._cancel_if_due()

    def send(self, value: Any) -> Any:
        if self._is_ours():  # what was awaited has swallowed the cancellation
            return self._throw(self._error())
        result = self._coroutine.send(value)
        self._cancel_if_due()
        return result

    def throw(
        self,
        kind: Any,
        value: BaseException | object = None,
        traceback: TracebackType | None = None,
    ) -> Any:
        error = _instance(kind, value, traceback)
        if self._is_ours():
            ours = self._error()
            if not isinstance(error, asyncio.CancelledError):
                ours.__context__ = error
            error = ours
        return self._throw(error)

    def close(self) -> None:
        self._coroutine.close()

    def _throw(self, error: BaseException) -> Any:
        result = self._coroutine.throw(error)
        self._cancel_if_due()
        return result

    def _cancel_if_due(self) -> None:
        """Cancel the task, unless somebody else has: theirs must be seen as what it is.

        They may take it back, as `asyncio.timeout` does, and then it is our turn.
        """
        if self._is_due and not self._has_cancelled and self._task.cancelling() <= self._others:
            self._has_cancelled = True
            self._task.cancel()

    def _is_ours(self) -> bool:
        """Does the task go on because we have cancelled it, and for no other reason?"""
        if not self._has_cancelled:
            return False
        self._has_cancelled = False
        return self._task.uncancel() <= self._others

    def _error(self) -> _Unwinding:
        self._is_due = False
        return _Unwinding(*exceeded(self._seconds).args)


async def _awaiting(awaitable: Awaitable[R]) -> R:
    return await awaitable


def _instance(kind: Any, value: object, traceback: TracebackType | None) -> BaseException:
    error = kind if isinstance(kind, BaseException) else value
    if not isinstance(error, BaseException):
        error = kind() if value is None else kind(value)
    return error if traceback is None else error.with_traceback(traceback)


def _plain(error: BaseException) -> BaseException:
    """The error as it is outside the coroutine."""
    found = error
    while isinstance(found, BaseExceptionGroup) and len(found.exceptions) == 1:
        found = found.exceptions[0]
    if not isinstance(found, _Unwinding):
        return error
    plain = SoftTimeLimitExceeded(*found.args)
    plain.__cause__, plain.__context__ = found.__cause__, found.__context__
    plain.__suppress_context__ = found.__suppress_context__
    return plain.with_traceback(found.__traceback__)
