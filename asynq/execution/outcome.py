"""How a run ended, as a value. Effects come later, in one place, from this value alone."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Success(Struct, frozen=True):
    """The function returned."""

    value: Any


class Failed(Struct, frozen=True):
    """The function raised."""

    error: BaseException
    expected: bool = False
    """The error is one of the task's `throws`: part of its normal life, logged without a stack."""


class Interrupted(Struct, frozen=True):
    """The worker stops, or lost the delivery: the run was cut off and counts as no attempt."""

    reason: str


Outcome = Success | Failed | Interrupted
