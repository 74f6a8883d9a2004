"""Where `pool="process"` tasks run: child processes that can be killed.

The children are anyio's: started once, reused, killed when the wait for them is cancelled. What a
child gets is the task by reference (module and name, imported there), its arguments and its
request; what comes back is a value or a portable failure, so an error that can't be pickled is
no danger.
"""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio
import anyio.to_process
from anyio import BrokenWorkerProcess, CapacityLimiter

from asynq.exceptions import EncodeError, WorkerLostError
from asynq.execution.outcome import Failed, Outcome, Success
from asynq.request import Request, current
from asynq.wire.failures import Failure, rebuild


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
                f"the process that ran {request.task}[{request.id}] died before the task ended"
            )
            lost.__cause__ = error.__cause__
            return Failed(lost, Failure.of(lost))
        kind, content = answer
        if kind == "value":
            return Success(pickle.loads(content))
        return Failed(rebuild(content), content)


def _in_child(job: bytes) -> tuple[str, Any]:
    try:
        target, args, kwargs, request = pickle.loads(job)
        current.set(request)
        value = target(*args, **kwargs)
        if inspect.isawaitable(value):
            value = asyncio.run(_finish(value))
        return "value", pickle.dumps(value)
    except BaseException as error:  # SystemExit ends the task, not the child
        return "failure", Failure.of(error)


async def _finish(value: Any) -> Any:
    return await value
