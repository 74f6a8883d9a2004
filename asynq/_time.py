"""Where the code asks for the time, so that a test has one place to change it."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic, time

__all__ = ["from_timestamp", "monotonic", "now", "time"]


def now() -> datetime:
    """The current moment, aware, in UTC."""
    return datetime.now(UTC)


def from_timestamp(seconds: float) -> datetime:
    """A Unix time (seconds) as an aware datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
