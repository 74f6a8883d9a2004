"""Which slots are due, and which of them were missed for good.

A beat that was away finds slots behind it. What becomes of them is the entry's to say: ``latest``
fires the last one, if that is not too long ago; ``skip`` fires none that it was not there for;
``all`` fires each of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from asynq.schedules.base import BaseSchedule

Misfire: TypeAlias = Literal["skip", "latest", "all"]
POLICIES: Final = ("skip", "latest", "all")

MOST: Final = 100
"""Missed slots that are made up for, at most: the last ones."""
GRACE: Final = 3600.0
"""Seconds by which a slot may be late, or its interval if that is shorter."""
SKIPPED: Final = 10.0
"""The same for ``skip``: a beat that is only a little late has not missed anything."""


class Due(Struct, frozen=True):
    """What a schedule says at one moment."""

    slots: list[datetime]
    """To be fired now, in order."""
    missed: int
    """How many others have passed, of those that were looked at."""
    next: datetime | None
    """The slot to come; None: there is none any more."""


def due(
    schedule: BaseSchedule,
    *,
    since: datetime,
    now: datetime,
    anchor: datetime,
    misfire: Misfire,
    grace: float | None = None,
) -> Due:
    """What is to be fired, and what comes next.

    Args:
        schedule: Has slots, see `BaseSchedule.is_polled`.
        since: The last slot that is done with, aware and in the entry's zone.
        now: The server's time.
        anchor: When the entry was first seen.
        misfire: What becomes of missed slots.
        grace: Seconds by which a slot may be late; None: as the policy has it.
    """
    since += schedule.apart
    following = schedule.next_after(max(since, now.astimezone(since.tzinfo)), anchor)
    passed = schedule.between(since, now, anchor, most=MOST)
    if not passed:
        return Due([], 0, following)
    wanted = passed if misfire == "all" else passed[-1:]
    limit = _grace(misfire, grace, passed[-1], following)
    kept = [slot for slot in wanted if (now - slot).total_seconds() <= limit]
    return Due(kept, len(passed) - len(kept), following)


def _grace(
    misfire: Misfire, grace: float | None, slot: datetime, following: datetime | None
) -> float:
    if grace is not None:
        return grace
    if misfire == "all":
        return float("inf")
    every = float("inf") if following is None else (following - slot).total_seconds()
    return min(every, SKIPPED if misfire == "skip" else GRACE)
