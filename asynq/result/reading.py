"""From a stored record to values: what is known of a task at one moment."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, Struct

from asynq import states
from asynq._time import from_timestamp
from asynq.backends.base import ResultBackend
from asynq.exceptions import DecodeError
from asynq.result.reach import Reach, WorkflowReach
from asynq.wire.arguments import Returned
from asynq.wire.attempts import Attempt
from asynq.wire.failures import rebuild
from asynq.wire.record import Record, decode
from asynq.wire.sealing import Seal
from asynq.wire.serialization import check_accepted, decode_value


class Update(Struct, frozen=True, kw_only=True):
    """What is known of a task at one moment."""

    state: str = states.PENDING
    result: Any = None
    """The return value, the error, or the meta of a state on the way (`update_state`)."""
    traceback: str | None = None
    """The error's traceback as text, from where the task ran."""
    date_done: datetime | None = None
    """When it was over, in UTC."""
    retries: int = 0
    attempts: tuple[Attempt, ...] = ()
    """Its runs that have ended, the first one first."""
    worker: str | None = None
    """Who ran it, where that is stored (`result_extended`, and while it runs)."""
    name: str | None = None
    """The task's name, where that is stored (`result_extended`)."""
    args: str | None = None
    """What its positional arguments looked like, where that is stored (`result_extended`)."""
    kwargs: str | None = None
    """The same of its named ones."""
    queue: str | None = None
    """The queue it came from, where that is stored (`result_extended`)."""

    @property
    def info(self) -> Any:
        """The result again, by the name that suits states on the way."""
        return self.result

    @property
    def ready(self) -> bool:
        """The task is over."""
        return self.state in states.READY_STATES


UNKNOWN: Final = Update()
UNREADABLE: Final = "(unreadable)"
"""The state of a task whose record can't be read."""
PAGE: Final = 500
"""Records that are asked for in one question."""


class Results(Struct, frozen=True, eq=False):
    """Where results are read, and which formats are read."""

    backend: Callable[[], ResultBackend]
    """The backend's connection for the running event loop."""
    accept: Callable[[], Collection[str]]
    """The serializers that may be read."""
    reach: Reach | None = None
    """What reaches the tasks themselves; None: results can only be read."""
    seal: Callable[[], Seal | None] = lambda: None
    """What opens the records; None: they are not sealed."""
    workflows: Callable[[], WorkflowReach | None] = lambda: None
    """What reaches the workflows that tasks are part of; None: nothing does."""

    async def states(self, ids: Sequence[str]) -> list[tuple[str, str | None]]:
        """The states of many tasks, and their names where these are stored; no value is read.

        Raises:
            OperationalError: the result backend can't be reached.
            NotImplementedError: results are switched off (``disabled://``).
        """
        found: list[tuple[str, str | None]] = []
        for first in range(0, len(ids), PAGE):
            page = ids[first : first + PAGE]
            bodies = await self.backend().fetch(page)
            found += map(self._state, page, bodies)
        return found

    def _state(self, id: str, body: bytes | None) -> tuple[str, str | None]:
        if body is None:
            return states.PENDING, None
        seal = self.seal()
        try:
            record = decode(body if seal is None else seal.open_record(id, body))
        except DecodeError:
            return UNREADABLE, None
        return record.status, record.task

    def read(self, body: bytes | None, returned: Returned | None, *, id: str = "") -> Update:
        """A stored record as values.

        Args:
            body: The record; None: there is none.
            returned: What the task is annotated to return.
            id: Whose record it is; a sealed one opens under no other.

        Raises:
            ContentDisallowed: it is written in a format that is not accepted.
            SecurityError: it was not sealed for this id, by a key that is known here.
            DecodeError: it can't be read, or the value is not what the task is annotated with.
        """
        if body is None:
            return UNKNOWN
        seal = self.seal()
        record = decode(body if seal is None else seal.open_record(id, body))
        value: Any = None
        if record.error is not None:
            value = rebuild(record.error)
        elif record.result is not UNSET:
            check_accepted(record.content, self.accept())
            if returned is not None and record.status == states.SUCCESS:
                value = returned.decode(record)
            else:
                value = decode_value(record.result, record.content)
        done = record.date_done
        return Update(
            state=record.status,
            result=value,
            traceback=None if record.error is None else record.error.traceback,
            date_done=None if done is None else from_timestamp(done),
            retries=record.retries,
            attempts=record.attempts or _only_attempt(record),
            worker=record.worker,
            name=record.task,
            args=record.args,
            kwargs=record.kwargs,
            queue=record.queue,
        )


def _only_attempt(record: Record) -> tuple[Attempt, ...]:
    """The one run of a task that succeeded at once: what its record, which is kept small, tells."""
    if record.status != states.SUCCESS or record.date_done is None:
        return ()
    return (
        Attempt(
            started=record.date_done,
            seconds=math.nan,
            worker=record.worker or "",
            state=states.SUCCESS,
        ),
    )
