"""`schedule`: every so many seconds, counted from a moment that all beats know."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from asynq.schedules.base import BaseSchedule, in_utc
from asynq.schedules.zones import moment_of, name_of, zone_of

SHORTEST: Final = timedelta(milliseconds=10)
MILLISECOND: Final = timedelta(milliseconds=1)
MIDNIGHT: Final = datetime(2000, 1, 1)
"""Of whichever zone."""


class schedule(BaseSchedule):  # noqa: N801 - Celery's name
    """Due every so often, in real time: a change of the clocks is nothing to it.

    Its slots are a moment and its multiples: by default the moment at which its entry was first
    seen, so the first is one interval later; with `relative` a midnight, so that every hour is on
    the hour.

    Args:
        run_every: Seconds, or a timedelta.
        relative: Count from midnight.
        tz: The zone of that midnight; None: the entry's, or the app's `timezone`.

    Raises:
        TypeError, ValueError: `run_every` is no time, or below 10 ms.
    """

    def __init__(
        self,
        run_every: float | timedelta | None = None,
        relative: bool = False,
        *,
        tz: str | tzinfo | None = None,
        **more: Any,
    ) -> None:
        if more:
            raise TypeError(
                f"schedule: no argument {', '.join(more)}; "
                "a time zone is given by tz='Europe/Paris'"
            )
        self.run_every = _interval(run_every)
        """As a timedelta, in whole milliseconds."""
        self.relative = bool(relative)
        self.tz = None if tz is None else zone_of(tz, "schedule")

    @property
    def seconds(self) -> float:
        """The interval."""
        return self.run_every.total_seconds()

    def next_after(self, moment: datetime, anchor: datetime) -> datetime:
        """See `BaseSchedule.next_after`."""
        begin = self._begin(moment, anchor)
        passed = (in_utc(moment) - begin) // self.run_every
        return begin + (passed + 1) * self.run_every

    def between(
        self, after: datetime, until: datetime, anchor: datetime, *, most: int
    ) -> list[datetime]:
        """See `BaseSchedule.between`."""
        begin = self._begin(after, anchor)
        first = (in_utc(after) - begin) // self.run_every + 1
        last = (in_utc(until) - begin) // self.run_every
        numbers = range(max(first, last - most + 1), last + 1)
        return [begin + number * self.run_every for number in numbers]

    def _begin(self, moment: datetime, anchor: datetime) -> datetime:
        if not self.relative:
            return in_utc(anchor)
        zone = self.tz or moment.tzinfo
        assert zone is not None
        return moment_of(MIDNIGHT, zone)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, schedule):
            return NotImplemented
        return self._meaning() == other._meaning()

    def __hash__(self) -> int:
        return hash(self._meaning())

    def _meaning(self) -> tuple[object, ...]:
        return self.run_every, self.relative, self.tz

    def __str__(self) -> str:
        return f"every {_told(self.run_every)}{' by the clock' if self.relative else ''}"

    def __repr__(self) -> str:
        zone = "" if self.tz is None else f" {name_of(self.tz)}"
        return f"<freq: {self}{zone}>"


def _interval(written: object) -> timedelta:
    if isinstance(written, bool) or not isinstance(written, int | float | timedelta):
        raise TypeError(
            f"schedule: run_every: expected seconds (a number or a timedelta), got {written!r} "
            f"({type(written).__name__})"
        )
    try:
        every = written if isinstance(written, timedelta) else timedelta(seconds=written)
    except (ValueError, OverflowError):
        every = timedelta(0)
    if every < SHORTEST or not math.isfinite(every.total_seconds()):
        raise ValueError(f"schedule: run_every: expected 0.01 seconds or more, got {written!r}")
    return round(every / MILLISECOND) * MILLISECOND


def _told(every: timedelta) -> str:
    """In the largest unit that fits: 30 s, 5 min, 2 h, 1 d."""
    seconds = every.total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size and not seconds % size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:g} s"
