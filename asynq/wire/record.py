"""The record: what is known of a task, as a result backend keeps it."""

from __future__ import annotations

from msgspec import UNSET, Raw, Struct, UnsetType

from asynq import states
from asynq.wire.attempts import Attempt
from asynq.wire.bounds import Count, Moment
from asynq.wire.envelope import pack, unpack
from asynq.wire.failures import Failure


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task's state. Defaults are left out of the bytes: a result is ``{"result":8,…}``."""

    status: str = states.SUCCESS
    result: Raw | UnsetType = UNSET
    """The return value, or the meta of a state on the way (`update_state`)."""
    error: Failure | None = None
    content: str = ""
    """The serializer of the result; left out where it is JSON."""
    date_done: Moment | None = None
    """Unix time, seconds; only of a final state."""
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
    def final(self) -> bool:
        """The state will not change again."""
        return self.status in states.READY_STATES


def encode(record: Record, serializer: str) -> bytes:
    """A record as bytes; `serializer` is what its result was encoded with."""
    return pack(record, serializer)


def decode(body: bytes) -> Record:
    """Bytes as a record.

    Raises:
        DecodeError: not a record.
    """
    return unpack(body, Record)
