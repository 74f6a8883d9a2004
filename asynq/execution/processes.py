"""Where `pool="process"` tasks run: child processes that can be killed.

The children are anyio's: started once, reused, killed when the wait for them is cancelled. What a
child gets is the task by reference (module and name, imported there), its arguments and its
request; what comes back is a value or a portable failure, so an error that can't be pickled is
no danger. Nothing it writes to its standard streams is seen: they are anyio's way to talk to it.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any, Final

import anyio
import anyio.to_process
from anyio import BrokenWorkerProcess, CapacityLimiter
from anyio.abc import Process

from asynq.exceptions import EncodeError, WorkerLostError
from asynq.execution.frames import since_task
from asynq.execution.outcome import Failed, Outcome, Success
from asynq.request import Request, current
from asynq.wire.failures import Failure, rebuild

STOP_SIGNALS: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGQUIT") if hasattr(signal, name)
]

TOLD_TO_POPEN: Final = 255
"""What asyncio says of a child whose end was told to `Popen`."""


class ProcessPool:
    """Runs calls in up to `size` child processes."""

    def __init__(self, size: int) -> None:
        self._limiter = CapacityLimiter(size)

    async def run(
        self,
        target: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        request: Request,
    ) -> Outcome:
        """Run the call in a child. Cancelling the wait kills the child."""
        try:
            job = pickle.dumps((target, tuple(args), dict(kwargs), request))
        except Exception as error:
            raise EncodeError(
                f"{request.task} can't be handed to a child process: {error}. A task with "
                'pool="process" must be defined at the top level of an importable module'
            ) from error
        try:
            answer = await anyio.to_process.run_sync(
                _in_child, job, cancellable=True, limiter=self._limiter
            )
        except BrokenWorkerProcess as error:
            lost = WorkerLostError(
                f"the process that ran {request.task}[{request.id}] died before the task "
                f"ended{_ending(error)}"
            )
            return Failed(lost, Failure.of(lost))
        kind, content = answer
        if kind == "value":
            return Success(pickle.loads(content))
        return Failed(rebuild(content), content)


def _ending(error: BrokenWorkerProcess) -> str:
    """How the child ended, where that can be seen: only anyio holds it, and does not say."""
    for frame, _ in walk_tb(error.__traceback__):
        process = frame.f_locals.get("process")
        code = _exit_code(process) if isinstance(process, Process) else None
        if code is not None:
            return f": {_signal(-code)}" if code < 0 else f": exit code {code}"
    return f": {error}" if str(error) else ""


def _exit_code(process: Process) -> int | None:
    """How it ended; None: nobody knows any more.

    anyio makes sure with a kill(), in which `Popen` may learn of the end before asyncio's watcher
    does. Who comes too late makes something up: asyncio 255, `Popen` 0.
    """
    code = process.returncode
    if code != TOLD_TO_POPEN:
        return code
    transport = getattr(getattr(process, "_process", None), "_transport", None)
    program = None if transport is None else transport.get_extra_info("subprocess")
    return getattr(program, "returncode", None) or None


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # the realtime ones have no name
        return f"signal {number}"


def _in_child(job: bytes) -> tuple[str, Any]:
    # A terminal and systemd signal all processes of a worker. When to stop is the worker's to say,
    # which kills its children. Not SIG_IGN: that would be inherited by what a task starts.
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: None)
    with _streams_apart():
        return _perform(job)


@contextmanager
def _streams_apart() -> Iterator[None]:
    """Keep the standard streams from what the task calls and starts.

    A program that it starts would write into our answer, read our next job, or wait for ever
    because nobody reads its errors.
    """
    ours = [(number, os.dup(number)) for number in (0, 1)]
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        yield
    finally:
        for number, kept in ours:
            os.dup2(kept, number)
            os.close(kept)
        os.close(nothing)


def _perform(job: bytes) -> tuple[str, Any]:
    try:
        target, args, kwargs, request = pickle.loads(job)
        current.set(request)
        value = target(*args, **kwargs)
        if inspect.isawaitable(value):
            value = asyncio.run(_finish(value))
        return "value", pickle.dumps(value)
    except BaseException as error:  # SystemExit ends the task, not the child
        error.__traceback__ = since_task(error.__traceback__)
        return "failure", Failure.of(error)


async def _finish(value: Any) -> Any:
    return await value
