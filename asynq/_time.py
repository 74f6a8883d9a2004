"""Where the code asks for the time, so that a test has one place to change it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from time import monotonic, time

__all__ = ["from_timestamp", "monotonic", "now", "time", "to_timestamp"]


def now() -> datetime:
    """The current moment, aware, in UTC."""
    return datetime.now(UTC)


def from_timestamp(seconds: float) -> datetime:
    """A Unix time (seconds) as an aware datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def to_timestamp(moment: datetime, zone: tzinfo | None) -> float:
    """A datetime as Unix time (seconds).

    Args:
        moment: Aware, or naive.
        zone: Where a naive one is from; None: from this machine.
    """
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    return moment.timestamp()
