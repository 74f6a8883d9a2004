"""How a run ended, as a value. Effects come later, in one place, from this value alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from asynq.brokers.base import Advance, Parcel, StoredRecord
from asynq.wire.failures import Failure


class Success(Struct, frozen=True):
    """The function returned."""

    value: Any
    again: Retrying | None = None
    """It is to run again all the same: `retry(throw=False)` was called on the way."""
    added: tuple[Mapping[str, Any], ...] = ()
    """What it has added to its chord, as plain values."""
    effect: Effect | None = None
    """What begins with it, because of that."""


class Failed(Struct, frozen=True):
    """The function raised."""

    error: BaseException
    failure: Failure
    """The error in its portable form, taken where it was raised."""
    expected: bool = False
    """The error is one of the task's `throws`: part of its normal life, logged without a stack."""
    lost: bool = False
    """The process that ran it has died; the error says how."""


class Retrying(Struct, frozen=True):
    """The task is to run again: it asked for it, or raised what it is retried for."""

    error: BaseException
    """The reason; where none was given, the `Retry` itself."""
    failure: Failure
    delay: float = 0.0
    """Seconds from now."""
    due: float | None = None
    """Unix time; stands over `delay`."""
    changes: Mapping[str, Any] = {}
    """What is different in the next run, as in `asynq.exceptions.Retry`."""


class Effect(Struct, frozen=True, kw_only=True):
    """What follows from the run of a task of our own, or instead of the rest of a task."""

    advance: tuple[Advance, ...] = ()
    publish: tuple[Parcel, ...] = ()
    others: tuple[StoredRecord, ...] = ()
    """Records of other tasks."""
    again: tuple[Any, ...] | None = None
    """Its message goes back with these arguments: there is more to do."""

    def __repr__(self) -> str:
        """How much there is, and nothing of it: arguments and errors of others are in it, and this
        is logged as the value that a task has returned."""
        counts = f"{len(self.advance)} advances, {len(self.publish)} messages"
        return f"<effect: {counts}, {len(self.others)} records>"


class Replaced(Struct, frozen=True):
    """The task gave its place to a canvas (`self.replace`), which ends with its id."""

    canvas: Mapping[str, Any]
    """As plain values."""
    effect: Effect | None = None
    """What begins instead of it; None: that is not known yet."""


class Ignored(Struct, frozen=True):
    """The task raised `Ignore`: it is over, and nothing of it is stored."""

    reason: str = ""


class Rejected(Struct, frozen=True):
    """The task raised `Reject`: its message goes aside, or back in its queue."""

    error: BaseException
    failure: Failure
    requeue: bool = False


class Revoked(Struct, frozen=True):
    """The task was revoked, or had expired."""

    reason: str
    """``revoked``, ``expired`` or ``terminated``."""


class Interrupted(Struct, frozen=True):
    """The worker stops, or lost the delivery: the run was cut off and counts as no attempt."""

    reason: str
    lost: bool = False
    """The delivery is no longer ours: another worker has it, nothing may be settled."""
    delay: float = 0.0
    """Seconds before it is to run again, where it could not begin."""


Outcome = Success | Failed | Retrying | Replaced | Ignored | Rejected | Revoked | Interrupted
