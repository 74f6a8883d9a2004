"""One run of one task, here: into its pool, and out as an `Outcome`.

Whatever the function does, `run` returns a value; only its own cancellation comes out as
`CancelledError`, and the caller knows why it cancelled.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from asynq.execution.frames import since_task
from asynq.execution.outcome import Failed, Outcome, Success
from asynq.execution.processes import ProcessPool
from asynq.execution.threads import ThreadPool
from asynq.request import Request, current
from asynq.wire.failures import Failure


class Runnable(Protocol):
    """What running needs to know of a task."""

    @property
    def name(self) -> str: ...
    @property
    def pool(self) -> str:
        """Where it runs: ``loop``, ``thread`` or ``process``."""
        ...

    @property
    def target(self) -> Callable[..., Any]:
        """What to call: `run`, or `__call__` where a custom class overrides it."""
        ...

    @property
    def throws(self) -> tuple[type[BaseException], ...]: ...


class Pools:
    """The threads and processes that one worker runs tasks in; made when first needed."""

    def __init__(self, *, threads: int, processes: int) -> None:
        self._sizes = (threads, processes)
        self._threads: ThreadPool | None = None
        self._processes: ProcessPool | None = None

    @property
    def threads(self) -> ThreadPool:
        """For blocking functions."""
        if self._threads is None:
            self._threads = ThreadPool(self._sizes[0])
        return self._threads

    @property
    def processes(self) -> ProcessPool:
        """For work that must be killable, or that needs a processor of its own."""
        if self._processes is None:
            self._processes = ProcessPool(self._sizes[1])
        return self._processes

    def close(self) -> None:
        """Let the threads go; the processes end with the loop."""
        if self._threads is not None:
            self._threads.close()


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
        request: What is known of the call.
        args: Positional arguments.
        kwargs: Named arguments.
        pools: Where to run it.
        pool: In which of them, in place of the task's own: a child process says so.

    Raises:
        asyncio.CancelledError: the run was cancelled from outside, or cancelled itself.
    """
    current.set(request)
    try:
        match pool or task.pool:
            case "loop":
                value = task.target(*args, **kwargs)
                if inspect.isawaitable(value):
                    value = await value
            case "thread":
                value = await pools.threads.run(partial(_in_thread, task, args, kwargs))
                if isinstance(value, Failed):
                    return value
            case _:
                return await pools.processes.run(task.target, args, kwargs, request)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # SystemExit and KeyboardInterrupt end the task, not the loop
        return failed(task, error)
    return Success(value)


def failed(task: Runnable, error: BaseException) -> Failed:
    """The outcome of a run that raised; frames of our own are left out of its traceback."""
    error.__traceback__ = since_task(error.__traceback__)
    return Failed(error, Failure.of(error), expected=isinstance(error, task.throws))


def _in_thread(task: Runnable, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    # The error becomes a value here: a StopIteration can't be raised through a future.
    try:
        return task.target(*args, **kwargs)
    except BaseException as error:
        return failed(task, error)


async def run_here(
    task: Runnable, request: Request, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Outcome:
    """Run the task without a worker, as `task.apply()` and eager mode do.

    In an asyncio task and a context of its own, so that it can't disturb the caller's.
    """
    pools = Pools(threads=1, processes=1)
    try:
        return await asyncio.create_task(run(task, request, args, kwargs, pools))
    finally:
        pools.close()
