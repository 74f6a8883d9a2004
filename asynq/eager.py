"""A call that runs here, in this process and loop, without broker and worker.

`task.apply()` does it on demand; with `task_always_eager` every `delay` and `apply_async` does, for
tests and debuggers. The awaited result looks like any other and is there at once.

Nothing waits here: a retry runs at once, whatever its countdown, and neither expiry nor time limits
mean anything. Hooks, signals and middleware are called as in a worker. What raises `Ignore` or
`Reject` with `requeue` ends in a state of that name (IGNORED, REJECTED), and its value is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from asynq import states
from asynq._time import from_timestamp, time
from asynq.application import current_application
from asynq.brokers.base import StoredRecord
from asynq.canvas.here import HereCall, adding
from asynq.canvas.reading import signature
from asynq.canvas.standing_in import stand_in
from asynq.canvas.tree import Node
from asynq.execution.hooks import IGNORED, REJECTED
from asynq.execution.outcome import Failed, Ignored, Outcome, Rejected, Replaced, Retrying, Success
from asynq.execution.run import Runnable, failed, run_here
from asynq.options import Call
from asynq.request import Request, current
from asynq.result.handle import AsyncResult, EagerResult
from asynq.result.reading import Results, Update
from asynq.result.submission import Submission
from asynq.wire.attempts import LONGEST, Attempt, remember
from asynq.wire.failures import Failure
from asynq.wire.flow import Flow
from asynq.wire.ids import new_id
from asynq.wire.record import Record, encode, moment

MEMBER: Final = Flow(workflow="", node=0, join=(0, 0))
"""The place of a call that ends a member of a group."""


class EagerCall(Submission[Any]):
    """One call that runs here when it is awaited.

    Args:
        task: What to run.
        request: What is known of the call, its arguments too.
        results: The app's.
        propagate: Raise the task's error when it is awaited, rather than when its value is asked.
        keep: The serializer to keep the result in the backend with; None: it is not kept there.
        ttl: Seconds to keep it there; None: for ever.
        more: What takes those that it adds to its chord; None: it is no member of one.
    """

    __slots__ = ("_keep", "_more", "_propagate", "_request", "_results", "_task", "_ttl")

    def __init__(
        self,
        task: Runnable,
        *,
        request: Request,
        results: Results,
        propagate: bool,
        keep: str | None = None,
        ttl: float | None = None,
        more: list[Node] | None = None,
    ) -> None:
        super().__init__(request.id or new_id())
        self._task = task
        self._request = request
        self._results = results
        self._propagate = propagate
        self._keep = keep
        self._ttl = ttl
        self._more = more

    async def _depart(self, waiting: bool) -> AsyncResult[Any]:
        outcome, retries = await self._run()
        seconds = time()
        if isinstance(outcome, Replaced):
            try:
                root = _read(outcome.canvas, self.id)
            except (TypeError, ValueError) as error:
                outcome = failed(self._task, error)
            else:
                return await self._replaced(root)
        if isinstance(outcome, Success) and outcome.added and self._more is not None:
            try:
                added = [_read(each, new_id()) for each in outcome.added]
            except (TypeError, ValueError) as error:
                outcome = failed(self._task, error)
            else:
                self._more += added
        update = _update(outcome, from_timestamp(seconds), retries)
        if self._keep is not None and update.ready:
            await self._store(self._keep, update, seconds)
        if self._propagate and update.state == states.FAILURE:
            raise update.result
        return EagerResult(self.id, self._results, update)

    async def _replaced(self, root: Node) -> AsyncResult[Any]:
        """Run what took its place."""
        producer = current_application().producer
        throw = self._propagate
        result = await HereCall(root, producer, here=True, throw=throw, more=self._more)
        return EagerResult(self.id, self._results, await result._look())

    async def _run(self) -> tuple[Outcome, int]:
        """Run it, and at once again as often as it asks for.

        Returns:
            How it ended, and after how many retries.
        """
        request, first = self._request, time()
        returned: Success | None = None
        while True:
            outcome = await run_here(self._task, request, request.args, request.kwargs)
            again: Outcome | None = outcome
            if isinstance(outcome, Success):
                again, returned = outcome.again, returned or outcome
            if not isinstance(again, Retrying):
                break
            first -= _pause(again)
            request = _next(request, again, first)
        # Where it returned, and asked for another run all the same, that result stands.
        return (outcome, request.retries) if returned is None else (returned, 0)

    async def _store(self, serializer: str, update: Update, seconds: float) -> None:
        if update.state == states.SUCCESS:
            result, content = self._task.returned.encode(update.result, serializer)
            record = Record(result=result, content=content, done=moment(seconds))
        else:
            failure = Failure.of(update.result)
            record = Record(status=states.FAILURE, error=failure, done=moment(seconds))
        body = encode(record, serializer)
        seal = self._results.seal()
        if seal is not None:
            body = seal.seal_record(self.id, body)
        stored = StoredRecord(id=self.id, body=body, ttl=self._ttl)
        await self._results.backend().store([stored])

    def __repr__(self) -> str:
        return f"<call of {self._task.name} here: {self.id}>"


def call_here(
    task: Runnable,
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
    id, more = options.task_id or new_id(), adding()
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
        flow=None if more is None else MEMBER,
    )
    return EagerCall(
        task,
        request=request,
        results=results,
        propagate=propagate,
        keep=keep,
        ttl=ttl,
        more=more,
    )


def _pause(again: Retrying) -> float:
    """Seconds that a worker would have waited: a deadline (`retry_for`) comes nearer by them."""
    return again.delay if again.due is None else max(again.due - time(), 0.0)


def _read(canvas: Mapping[str, Any], id: str) -> Node:
    """What a task has asked for, which ends with that id; raises as `stand_in`."""
    app = current_application()
    return stand_in(app, signature(canvas, app=app), id)


def _next(request: Request, again: Retrying, first: float) -> Request:
    """The request of the next run; `first` is when the first began."""
    changes = again.changes
    error = f"{again.failure.type.removeprefix('builtins.')}: {again.failure.text}"[:LONGEST]
    attempt = Attempt(started=time(), seconds=0.0, state=states.RETRY, error=error)
    attempts = remember(request.attempts, attempt)
    return replace(
        request,
        args=changes.get("args", request.args),
        kwargs=changes.get("kwargs", request.kwargs),
        headers=changes.get("headers", request.headers),
        retries=request.retries + 1,
        attempts=(replace(attempts[0], started=first), *attempts[1:]),
        again=None,
        spent=None,
        added=[],
    )


def _update(outcome: Outcome, done: datetime, retries: int) -> Update:
    match outcome:
        case Success(value):
            return Update(state=states.SUCCESS, result=value, date_done=done, retries=retries)
        case Failed(error, failure) | Rejected(error, failure, False):
            return Update(
                state=states.FAILURE,
                result=error,
                traceback=failure.traceback,
                date_done=done,
                retries=retries,
            )
        case Ignored():
            return Update(state=IGNORED, date_done=done, retries=retries)
        case Rejected():
            return Update(state=REJECTED, date_done=done, retries=retries)
    raise RuntimeError(f"{outcome!r} has no meaning without a worker")
