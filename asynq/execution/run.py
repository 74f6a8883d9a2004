"""One run of one task, here: into its pool, and out as an `Outcome`.

Whatever the function does, `run` returns a value; only its own cancellation comes out as
`CancelledError`, and the caller knows why it cancelled.

A task without hooks, where nobody listens and no middleware is there, is called and no more. Else
the run goes through `_watched`: `task_prerun`, the middleware around `before_start` and the
function, then the hooks and signals of its outcome.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Final, Protocol

from msgspec import Struct

from asynq import signals
from asynq.exceptions import Ignore, Reject, Retry, TaskError, WorkerLostError
from asynq.exceptions import Replaced as Gone
from asynq.execution import hooks
from asynq.execution.frames import since_task
from asynq.execution.hooks import NO_HOOKS, Caller
from asynq.execution.limits import with_soft_limit
from asynq.execution.outcome import (
    Failed,
    Ignored,
    Interrupted,
    Outcome,
    Rejected,
    Replaced,
    Success,
)
from asynq.execution.pools import Pools
from asynq.execution.retries import asked, decide
from asynq.execution.terms import Terms
from asynq.middleware import around_runs, wrapped
from asynq.request import Request, current
from asynq.wire.arguments import Returned
from asynq.wire.failures import Failure


class Runnable(Protocol):
    """What running needs to know of a task."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def pool(self) -> str:
        """Where it runs: ``loop``, ``thread`` or ``process``."""
        ...

    @property
    def app(self) -> object:
        """Whose it is."""
        ...

    @property
    def is_coroutine(self) -> bool:
        """It is an `async def`."""
        ...

    @property
    def target(self) -> Callable[..., Any]:
        """What to call: `run`, or `__call__` where a custom class overrides it."""
        ...

    @property
    def throws(self) -> tuple[type[BaseException], ...]:
        """Errors that are expected of it: logged in one line, without their traceback."""
        ...

    @property
    def returned(self) -> Returned:
        """How its result is written."""
        ...

    @property
    def terms(self) -> Terms:
        """What holds for its runs, by its own options and the app's settings."""
        ...


class Raised(Struct, frozen=True):
    """The function raised. A value, for not every error can be raised through a coroutine."""

    error: BaseException


async def run(
    task: Runnable,
    request: Request,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    pools: Pools,
    *,
    pool: str | None = None,
) -> Outcome:
    """Run the task once, in the current context, and say how it ended.

    Args:
        task: What to run.
        request: What is known of the call; `request.timelimit` says how long it may take.
        args: Positional arguments.
        kwargs: Named arguments.
        pools: Where to run it.
        pool: In which of them, in place of the task's own: a child process says so.

    Raises:
        asyncio.CancelledError: the run was cancelled from outside, or cancelled itself.
    """
    current.set(request)
    where = pool or task.pool
    if where == "process":
        return await _in_process(task, request, args, kwargs, pools)
    terms = task.terms
    wrapping = terms.middleware and around_runs(terms.middleware)
    if terms.hooks is not None or wrapping or signals.RUNNING.receivers:
        request.args, request.kwargs = args, kwargs
        return await _watched(task, request, terms, _Place(pools, where))
    end = await _call(task, request, args, kwargs, pools, where)
    if isinstance(end, Success) and request.again is None and not request.added:
        return end
    return ended(task, request, end)


async def conclude(task: Runnable, request: Request, outcome: Outcome, pools: Pools) -> None:
    """Tell the task's hooks and the signals' receivers of a run that ended outside of it.

    `run` tells of what it returns. This is for whoever ends a run in another way: its time was
    over, its arguments can't be read. Never raises.
    """
    # A `def` that runs in a child process has hooks that may block, and nobody left to run them.
    where = "thread" if task.pool == "process" and not task.is_coroutine else task.pool
    called, place = task.terms.hooks or NO_HOOKS, _Place(pools, where)
    await hooks.conclude(task, called, request, outcome, place.blocking)


def ended(task: Runnable, request: Request, end: Success | Raised) -> Outcome:
    """The outcome of a call that returned or raised: failed, to be retried, ignored …"""
    if isinstance(end, Success):
        if request.added:
            end = Success(end.value, added=tuple(request.added))
        return end if request.again is None else _again(task, request, end)
    error = end.error
    error.__traceback__ = since_task(error.__traceback__)
    try:
        return _raised(task, request, error)
    except BaseException as wrong:  # of its own methods, or what it asks to be raised
        return failed(task, wrong)


def _raised(task: Runnable, request: Request, error: BaseException) -> Outcome:
    policy = task.terms.retries
    match error:
        case Retry():
            return asked(error, request, policy)
        case Gone(canvas=canvas):
            return Replaced(canvas)
        case Ignore():
            return Ignored(str(error))
        case Reject():
            return Rejected(error, Failure.of(error), requeue=error.requeue)
    again = decide(error, request, policy)
    return failed(task, error) if again is None else again


def failed(task: Runnable, error: BaseException) -> Failed:
    """The outcome of a run that raised; frames of our own are left out of its traceback."""
    error.__traceback__ = since_task(error.__traceback__)
    return Failed(error, Failure.of(error), expected=isinstance(error, task.throws))


async def run_here(
    task: Runnable, request: Request, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Outcome:
    """Run the task without a worker, as `task.apply()` and eager mode do.

    In an asyncio task and a context of its own, so that it can't disturb the caller's.
    """
    pools = Pools(threads=1, processes=1)
    running = asyncio.create_task(run(task, request, args, kwargs, pools))
    try:
        outcome = await running
        if isinstance(outcome, Interrupted):  # and nobody is there to try it again
            return failed(task, WorkerLostError(outcome.reason))
        return outcome
    except asyncio.CancelledError:
        caller = asyncio.current_task()
        if caller is not None and caller.cancelling():
            raise
        return failed(task, TaskError(f"{task.name}[{request.id}] cancelled itself"))
    finally:
        await pools.aclose()


class _Place(Struct, frozen=True):
    """Where a run takes place."""

    pools: Pools
    name: str

    @property
    def blocking(self) -> Caller | None:
        """What calls hooks that may block; None: they are called on the loop."""
        return self.pools.threads.run if self.name == "thread" else None


async def _watched(task: Runnable, request: Request, terms: Terms, place: _Place) -> Outcome:
    """The run, with everybody told who wants to be."""
    called = terms.hooks or NO_HOOKS
    await hooks.begin(task, request)
    end = await _wrapped(task, request, terms, place)
    outcome = ended(task, request, end)
    if isinstance(outcome, Success):
        outcome = _storable(task, request, outcome)
    await hooks.conclude(task, called, request, outcome, place.blocking)
    return outcome


async def _wrapped(
    task: Runnable, request: Request, terms: Terms, place: _Place
) -> Success | Raised:
    """`before_start` and the function, with all the middleware around."""
    wrapping = around_runs(terms.middleware)
    if not wrapping:
        return await _begun(task, request, place)

    async def proceed() -> Any:
        end = await _begun(task, request, place)
        if isinstance(end, Raised):
            raise end.error
        return end.value

    try:
        around = wrapped(attrgetter("execute"), wrapping, request, proceed)
        return Success(await around())
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return Raised(error)


async def _begun(task: Runnable, request: Request, place: _Place) -> Success | Raised:
    """`before_start` and the function."""
    hook = (task.terms.hooks or NO_HOOKS).before_start
    args, kwargs = request.args, request.kwargs
    if hook is not None:
        try:
            await hooks.call(hook, request.id, args, kwargs, blocking=place.blocking)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            return Raised(error)
    return await _call(task, request, args, kwargs, place.pools, place.name)


async def _call(
    task: Runnable,
    request: Request,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    pools: Pools,
    where: str,
) -> Success | Raised:
    soft = request.timelimit[1]
    try:
        if where == "thread":
            end = await pools.threads.run(partial(_in_thread, task, args, kwargs), soft=soft)
            if isinstance(end, Raised):
                return end
            value = end.value
        else:
            value = task.target(*args, **kwargs)
            if inspect.isawaitable(value):
                value = await (value if soft is None else with_soft_limit(value, soft))
        if type(value) in _UNFINISHED:
            _refuse(task, value)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # SystemExit and KeyboardInterrupt end the task, not the loop
        return Raised(error)
    return Success(value)


async def _in_process(
    task: Runnable,
    request: Request,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    pools: Pools,
) -> Outcome:
    """The run in a child, which tells its hooks itself; of its death we tell them here."""
    request.args, request.kwargs = args, kwargs
    try:
        outcome = await pools.processes.run(task, request, args, kwargs)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        outcome = failed(task, error)
    else:
        if not isinstance(outcome, Failed) or not outcome.lost:
            return outcome
    if not task.terms.reject_on_worker_lost:
        await conclude(task, request, outcome, pools)
    return outcome


def _in_thread(task: Runnable, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Success | Raised:
    # The error becomes a value here: a StopIteration can't be raised through a future.
    try:
        return Success(task.target(*args, **kwargs))
    except BaseException as error:
        return Raised(error)


def _again(task: Runnable, request: Request, end: Success) -> Outcome:
    """What became of a run that asked for another and went on (`retry(throw=False)`)."""
    if request.again is None:
        return end
    try:
        again = asked(request.again, request, task.terms.retries)
        return Success(end.value, again, end.added)
    except Exception as error:
        return failed(task, error)


def _storable(task: Runnable, request: Request, outcome: Success) -> Outcome:
    """A value that can't be written is a failure: the hooks are to know before they are told."""
    if request.ignore_result or request.is_eager:
        return outcome
    try:
        task.returned.encode(outcome.value, task.terms.result_serializer)
    except Exception as error:
        return failed(task, error)
    return outcome


_UNFINISHED: Final = (CoroutineType, GeneratorType, AsyncGeneratorType)


def _refuse(task: Runnable, value: Any) -> None:
    """Say that a task has returned something that has yet to run."""
    try:
        task.returned.encode(value)  # which knows what to do instead
    finally:
        if isinstance(value, CoroutineType):
            value.close()  # else Python would warn of it somewhere
