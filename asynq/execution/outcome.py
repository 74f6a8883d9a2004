"""How a run ended, as a value. Effects come later, in one place, from this value alone."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from asynq.wire.failures import Failure


class Success(Struct, frozen=True):
    """The function returned."""

    value: Any


class Failed(Struct, frozen=True):
    """The function raised."""

    error: BaseException
    failure: Failure
    """The error in its portable form, taken where it was raised."""
    expected: bool = False
    """The error is one of the task's `throws`: part of its normal life, logged without a stack."""


class Interrupted(Struct, frozen=True):
    """The worker stops, or lost the delivery: the run was cut off and counts as no attempt."""

    reason: str
    lost: bool = False
    """The delivery is no longer ours: another worker has it, nothing may be settled."""


Outcome = Success | Failed | Interrupted
