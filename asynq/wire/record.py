"""The record: what is known of a task, as a result backend keeps it.

Most records that a server holds are those of tasks that went well, so these are made small: names
of one letter, defaults left out, a result of None too. A call that returned 8 left
``{"r":8,"t":1795384599516}``, one that returned nothing ``{"t":1795384599516}``; up to 28 bytes
Redis keeps a value in 48 bytes of memory. The letters, and what stands without one where somebody
asked for more (`result_extended`)::

    s  status, a state's name; left out of SUCCESS      a  attempts, its runs
    r  result                                           w  worker, who wrote it
    t  time it was over, Unix time in milliseconds      n  number of retries
    e  error                                            c  content, the result's serializer
"""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, Raw, Struct, UnsetType

from asynq import states
from asynq.wire.attempts import Attempt
from asynq.wire.bounds import Count, Milliseconds
from asynq.wire.envelope import pack, unpack
from asynq.wire.failures import Failure

LETTERS: Final = {
    "status": "s",
    "result": "r",
    "error": "e",
    "content": "c",
    "done": "t",
    "retries": "n",
    "attempts": "a",
    "worker": "w",
}
"""What fields are called in the bytes."""


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True, rename=LETTERS):
    """A task's state."""

    status: str = states.SUCCESS
    result: Raw | UnsetType = UNSET
    """The return value, or the meta of a state on the way (`update_state`); unset: None."""
    error: Failure | None = None
    content: str = ""
    """The serializer of the result; left out where it is JSON."""
    done: Milliseconds | None = None
    """When it was over (Unix time, milliseconds); only of a final state."""
    retries: Count = 0
    attempts: tuple[Attempt, ...] = ()
    """Every run of the task, the last one included; empty where there was but one, a success."""
    worker: str | None = None
    """Who wrote it; only with `result_extended`, and in STARTED."""
    task: str | None = None
    """The task's name; only with `result_extended`."""
    args: str | None = None
    """What the positional arguments look like, cut where that is long; with `result_extended`."""
    kwargs: str | None = None
    """The same of the named ones."""
    queue: str | None = None
    """Where the message came from; only with `result_extended`."""

    @property
    def date_done(self) -> float | None:
        """When it was over (Unix time, seconds)."""
        return None if self.done is None else self.done / 1000

    @property
    def final(self) -> bool:
        """The state will not change again."""
        return self.status in states.READY_STATES


def moment(seconds: float) -> int:
    """A Unix time in seconds, as `Record.done` has it."""
    return round(seconds * 1000)


def encode(record: Record, serializer: str) -> bytes:
    """A record as bytes; `serializer` is what its result was encoded with."""
    return pack(record, serializer)


def decode(body: bytes) -> Record:
    """Bytes as a record.

    Raises:
        DecodeError: not a record.
    """
    return unpack(body, Record)
