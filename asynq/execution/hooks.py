"""A task's hooks, and whoever else is told how a run went: the receivers of signals.

In order: `task_prerun`, `before_start`, the run, then `on_success`, `on_failure` or `on_retry` with
the signal of that name, `after_return`, `task_postrun`. All of it happens before the run is
settled: a worker that dies in between runs the task again, and the hooks with it.

An error in `before_start` is the run's own. One in any other hook is logged, and changes nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any, Final, Protocol

from msgspec import Struct

from asynq import signals, states
from asynq.execution.outcome import Failed, Ignored, Outcome, Rejected, Replaced, Retrying, Success
from asynq.request import Request
from asynq.wire.failures import Failure

logger = logging.getLogger("asynq.execution")

Hook = Callable[..., Awaitable[None] | None]
Caller = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a function where it may block, and gives what it returns."""


class Hooks(Struct, frozen=True, kw_only=True):
    """The hooks of a task; None: it has no such one."""

    before_start: Hook | None = None
    on_success: Hook | None = None
    on_failure: Hook | None = None
    on_retry: Hook | None = None
    after_return: Hook | None = None


NAMES: Final = Hooks.__struct_fields__
NO_HOOKS: Final = Hooks()

IGNORED: Final = "IGNORED"
REJECTED: Final = "REJECTED"
"""What signals say of a run that leaves no state behind."""


class ExceptionInfo:
    """An error with the text of its traceback, by the name Celery has for it.

    Attributes:
        exception: The error.
        traceback: Its traceback as text, also where it was raised in another process.
    """

    def __init__(self, error: BaseException, failure: Failure) -> None:
        self.exception = error
        self.traceback = failure.traceback or f"{failure.type}: {failure.text}"

    @property
    def type(self) -> type[BaseException]:
        """The error's class."""
        return type(self.exception)

    @property
    def tb(self) -> TracebackType | None:
        """Python's traceback; None where the error was raised in another process."""
        return self.exception.__traceback__

    def __str__(self) -> str:
        return self.traceback

    def __repr__(self) -> str:
        return f"<ExceptionInfo: {type(self.exception).__name__}>"


class Hooked(Protocol):
    """What telling needs to know of a task."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...


async def begin(task: Hooked, request: Request) -> None:
    """Say that a run begins. Never raises."""
    if signals.task_prerun.receivers:
        await signals.task_prerun.send(task, task=task, **_called(request))


async def call(hook: Hook, *args: Any, blocking: Caller | None) -> None:
    """Call a hook: on the loop, or where it may block; raises what it raises."""
    if blocking is None or inspect.iscoroutinefunction(hook):
        answer = hook(*args)
    else:
        answer = await blocking(partial(hook, *args))
    if inspect.isawaitable(answer):
        await answer


async def conclude(
    task: Hooked,
    hooks: Hooks,
    request: Request,
    outcome: Outcome,
    blocking: Caller | None = None,
) -> None:
    """Tell the hooks and the signals' receivers how a run ended. Never raises.

    Args:
        task: What ran.
        hooks: Its hooks.
        request: Of the run.
        outcome: How it ended; of one that was interrupted or revoked nobody is told.
        blocking: Where `def` hooks are called; None: on the loop.
    """
    tell = _Telling(task, hooks, request, blocking)
    called = request.id, request.args, request.kwargs
    match outcome:
        case Success(value):
            await tell.hook("on_success", value, *called)
            if signals.task_success.receivers:
                await signals.task_success.send(task, result=value)
            await tell.hook("after_return", states.SUCCESS, value, *called, None)
            await tell.over(states.SUCCESS, value)
        case Failed(error, failure):
            einfo = ExceptionInfo(error, failure)
            await tell.hook("on_failure", error, *called, einfo)
            if signals.task_failure.receivers:
                await tell.broken(signals.task_failure, error, einfo)
            # Celery's after_return never learns of the error: there `einfo` is always None.
            await tell.hook("after_return", states.FAILURE, error, *called, einfo)
            await tell.over(states.FAILURE, error)
        case Retrying(error, failure):
            einfo = ExceptionInfo(error, failure)
            await tell.hook("on_retry", error, *called, einfo)
            if signals.task_retry.receivers:
                await signals.task_retry.send(task, request=request, reason=error, einfo=einfo)
            await tell.over(states.RETRY, error)
        case Replaced():
            await tell.over(IGNORED, "replaced")
        case Ignored(reason):
            await tell.over(IGNORED, reason)
        case Rejected(error):
            await tell.over(REJECTED, error)


class _Telling:
    """One run, to be told of."""

    def __init__(
        self, task: Hooked, hooks: Hooks, request: Request, blocking: Caller | None
    ) -> None:
        self._task = task
        self._hooks = hooks
        self._request = request
        self._blocking = blocking

    async def hook(self, name: str, *args: Any) -> None:
        """Call the hook of that name, if there is one; its error is logged."""
        hook: Hook | None = getattr(self._hooks, name)
        if hook is None:
            return
        try:
            await call(hook, *args, blocking=self._blocking)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            task, request = self._task, self._request
            logger.exception("%s of %s[%s] has failed", name, task.name, request.id)
            signal = signals.task_internal_error
            if signal.receivers:
                einfo = ExceptionInfo(error, Failure.of(error))
                await self.broken(signal, error, einfo, request=request)

    async def broken(
        self, signal: signals.Signal, error: BaseException, einfo: ExceptionInfo, **more: Any
    ) -> None:
        """Announce an error."""
        await signal.send(
            self._task,
            **_called(self._request),
            exception=error,
            traceback=error.__traceback__,
            einfo=einfo,
            **more,
        )

    async def over(self, state: str, value: Any) -> None:
        """Say that the run is over."""
        if signals.task_postrun.receivers:
            task = self._task
            await signals.task_postrun.send(
                task, task=task, **_called(self._request), retval=value, state=state
            )


def _called(request: Request) -> dict[str, Any]:
    return {"task_id": request.id, "args": request.args, "kwargs": request.kwargs}
