"""A call that runs here, in this process and loop, without broker and worker.

`task.apply()` does it on demand; with `task_always_eager` every `delay` and `apply_async` does, for
tests and debuggers. The awaited result looks like any other and is there at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from asynq import states
from asynq._time import from_timestamp, time
from asynq.brokers.base import StoredRecord
from asynq.execution.outcome import Failed, Outcome, Success
from asynq.execution.run import Runnable, run_here
from asynq.options import Call
from asynq.request import Request, current
from asynq.result.handle import AsyncResult, EagerResult
from asynq.result.reading import Results, Update
from asynq.result.submission import Submission
from asynq.wire.arguments import Returned
from asynq.wire.failures import Failure
from asynq.wire.ids import new_id
from asynq.wire.record import Record, encode


class Running(Runnable, Protocol):
    """What running here needs to know of a task."""

    @property
    def returned(self) -> Returned:
        """How its result is written."""
        ...


class EagerCall(Submission[Any]):
    """One call that runs here when it is awaited.

    Args:
        task: What to run.
        args: Positional arguments.
        kwargs: Named arguments.
        request: What is known of the call.
        results: The app's.
        propagate: Raise the task's error when it is awaited, rather than when its value is asked.
        keep: The serializer to keep the result in the backend with; None: it is not kept there.
        ttl: Seconds to keep it there; None: for ever.
    """

    __slots__ = ("_args", "_keep", "_kwargs", "_propagate", "_request", "_results", "_task", "_ttl")

    def __init__(
        self,
        task: Running,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        request: Request,
        results: Results,
        propagate: bool,
        keep: str | None = None,
        ttl: float | None = None,
    ) -> None:
        super().__init__(request.id or new_id())
        self._task = task
        self._args = args
        self._kwargs = kwargs
        self._request = request
        self._results = results
        self._propagate = propagate
        self._keep = keep
        self._ttl = ttl

    async def _depart(self, waiting: bool) -> AsyncResult[Any]:
        outcome = await run_here(self._task, self._request, self._args, self._kwargs)
        seconds = time()
        update = _update(outcome, from_timestamp(seconds))
        if self._keep is not None:
            await self._store(self._keep, update, seconds)
        if self._propagate and update.state == states.FAILURE:
            raise update.result
        return EagerResult(self.id, self._results, update)

    async def _store(self, serializer: str, update: Update, seconds: float) -> None:
        if update.state == states.SUCCESS:
            result, content = self._task.returned.encode(update.result, serializer)
            record = Record(result=result, content=content, date_done=seconds)
        else:
            failure = Failure.of(update.result)
            record = Record(status=states.FAILURE, error=failure, date_done=seconds)
        body = encode(record, serializer)
        seal = self._results.seal()
        if seal is not None:
            body = seal.seal_record(self.id, body)
        stored = StoredRecord(id=self.id, body=body, ttl=self._ttl)
        await self._results.backend().store([stored])

    def __repr__(self) -> str:
        return f"<call of {self._task.name} here: {self.id}>"


def call_here(
    task: Running,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    options: Call,
    results: Results,
    propagate: bool,
    keep: str | None = None,
    ttl: float | None = None,
) -> EagerCall:
    """A call that runs here, as a child of the task that runs now."""
    outer = current.get()
    id = options.task_id or new_id()
    request = Request(
        id=id,
        task=task.name,
        args=args,
        kwargs=kwargs,
        root_id=options.root_id or (outer.root_id if outer is not None else None) or id,
        parent_id=options.parent_id or (None if outer is None else outer.id or outer.parent_id),
        headers=options.headers,
        shadow=options.shadow,
        is_eager=True,
    )
    return EagerCall(
        task,
        args,
        kwargs,
        request=request,
        results=results,
        propagate=propagate,
        keep=keep,
        ttl=ttl,
    )


def _update(outcome: Outcome, done: datetime) -> Update:
    if isinstance(outcome, Success):
        return Update(state=states.SUCCESS, result=outcome.value, date_done=done)
    if isinstance(outcome, Failed):
        return Update(
            state=states.FAILURE,
            result=outcome.error,
            traceback=outcome.failure.traceback,
            date_done=done,
        )
    raise RuntimeError(f"{outcome!r} has no meaning without a worker")
