"""What a schedule is: it says which slot comes after a moment.

A slot is a point in time at which a task is due, whoever asks and whenever: two beats that ask the
same schedule get the same slots. That is what lets a server refuse the second firing of one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from asynq import _time

DAY: Final = timedelta(days=1)
FIRST_LOOK_BACK: Final = timedelta(hours=1)

_clock: ContextVar[Callable[[], float] | None] = ContextVar("asynq.schedules.clock", default=None)


class schedstate(NamedTuple):  # noqa: N801 - Celery's name
    """What `is_due` answers."""

    is_due: bool
    next: float
    """Seconds until it is worth asking again."""


class BaseSchedule:
    """Base of all schedules. Have `next_after` in a subclass, or as in Celery `is_due`.

    One with `next_after` has slots: each is fired once, however many beats ask, and those that were
    missed are known. One with `is_due` alone is asked again and again, and what it says is due is
    due at that moment.
    """

    tz: tzinfo | None = None
    """The zone of its wall-clock times; None: the entry's, or the app's `timezone`."""

    apart: timedelta = timedelta(0)
    """Two slots are further apart than this: what seems to follow a slot by less is the same one,
    told by another version of what tells it."""

    def next_after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """The first slot that is later than a moment.

        Args:
            moment: Aware, in the zone of the entry.
            anchor: When its entry was first seen: the same for all who ask. Intervals count from
                there.

        Returns:
            Aware, in any zone; None: there is none any more.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: a schedule of your own needs next_after(moment, anchor), or "
            "is_due(last_run_at) as in Celery"
        )

    def is_due(self, last_run_at: datetime) -> schedstate:
        """Is it due, counted from its last run, and when shall that be asked again?

        Args:
            last_run_at: Aware.
        """
        slot, now = self.next_after(last_run_at, last_run_at), self.now()
        if slot is None:
            return schedstate(False, DAY.total_seconds())
        if slot > now:
            return schedstate(False, (slot - now).total_seconds())
        following = self.next_after(now.astimezone(last_run_at.tzinfo), last_run_at)
        later = DAY if following is None else following - now
        return schedstate(True, later.total_seconds())

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """How long it is until it is due, counted from its last run; below zero: it is."""
        slot = self.next_after(last_run_at, last_run_at)
        return DAY if slot is None else slot - self.now()

    def now(self) -> datetime:
        """The time of the server's clock in a beat, of this machine's elsewhere; aware, in UTC."""
        clock = _clock.get()
        return _time.from_timestamp(_time.time() if clock is None else clock())

    def between(
        self, after: datetime, until: datetime, anchor: datetime, *, most: int
    ) -> list[datetime]:
        """The last slots in a time, in order.

        Args:
            after: They are later than this.
            until: They are no later than this.
            anchor: As for `next_after`.
            most: How many at most.
        """
        back = FIRST_LOOK_BACK
        while True:  # a beat that was away for a year must not count all minutes of it
            begin = max(after, until - back)
            found = deque(self._slots(begin, until, anchor), maxlen=most)
            if len(found) == most or begin == after:
                return [*found]
            back *= 8

    @property
    def is_polled(self) -> bool:
        """It has no slots: its class, or one under it, has an `is_due` of its own and no
        `next_after` that belongs to that."""
        mine = type(self).__mro__
        return _owner(mine, "is_due") < _owner(mine, "next_after")

    def _slots(self, after: datetime, until: datetime, anchor: datetime) -> Iterator[datetime]:
        slot = self.next_after(after, anchor)
        while slot is not None and slot <= until:
            yield slot
            slot = self.next_after(slot.astimezone(after.tzinfo), anchor)


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC, where times are subtracted and compared without surprises."""
    return moment.astimezone(UTC)


@contextmanager
def clock(now: Callable[[], float]) -> Iterator[None]:
    """Let schedules take this for the time, meanwhile and in this context."""
    token = _clock.set(now)
    try:
        yield
    finally:
        _clock.reset(token)


def _owner(classes: tuple[type, ...], name: str) -> int:
    """How far up the class stands whose method that is."""
    return next(number for number, each in enumerate(classes) if name in vars(each))
