"""`crontab`: by the clock on the wall.

A library that does this well, cronsim, takes a day that fits either `day_of_month` or
`day_of_week`, as Vixie's cron did, and Celery's users rely on both having to fit. So the arithmetic
is our own; a test holds it to a count of every minute, and the contract for changes of the clocks
is in `asynq.schedules.zones`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from functools import partial
from typing import Any, Final, Self

from asynq.schedules.base import DAY, BaseSchedule, in_utc
from asynq.schedules.fields import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH_OF_YEAR,
    Written,
)
from asynq.schedules.zones import moment_of, name_of, zone_of

YEARS: Final = 41
"""The 29th of February may be a Monday only 40 years later, as 2100 has none."""
LONGEST: Final = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
"""Days of the months that have no 31."""
A_MINUTE: Final = timedelta(minutes=1)
EVERY_HOUR: Final = frozenset(range(24))


class crontab(BaseSchedule):  # noqa: N801 - Celery's name
    """Due when the clock on the wall shows a time that all five fields name.

    With a `hour` that names all hours it runs in real time: where clocks are changed, it is due at
    every minute that shows such a time. Any other has each time of a day once: one that the clocks
    leave out at the moment they do, one that comes twice at its first coming.

    Args:
        minute: 0 to 59. As for the others: a number, a text such as ``"*/15"``, ``"1-5/2"`` or
            ``"0,30"``, or an iterable of numbers and texts.
        hour: 0 to 23.
        day_of_week: 0 to 6, where 0 is Sunday, or ``"mon-fri"``.
        day_of_month: 1 to 31. A day has to fit both this and `day_of_week`.
        month_of_year: 1 to 12, or ``"jan-mar"``.
        tz: The zone of its times; None: the entry's, or the app's `timezone`.

    Raises:
        TypeError, ValueError: a field can't be read, or there is no such day in any year.
    """

    def __init__(
        self,
        minute: Written = "*",
        hour: Written = "*",
        day_of_week: Written = "*",
        day_of_month: Written = "*",
        month_of_year: Written = "*",
        *,
        tz: str | tzinfo | None = None,
        **more: Any,
    ) -> None:
        if more:
            raise TypeError(
                f"crontab: no argument {', '.join(more)}; a time zone is given by tz='Europe/Paris'"
            )
        fields = {
            MINUTE: _held(minute),
            HOUR: _held(hour),
            DAY_OF_WEEK: _held(day_of_week),
            DAY_OF_MONTH: _held(day_of_month),
            MONTH_OF_YEAR: _held(month_of_year),
        }
        read = {field.name: field.read(written) for field, written in fields.items()}
        self.minute, self.hour, self.day_of_week, self.day_of_month, self.month_of_year = (
            read.values()
        )
        self.written = {field.name: field.text(written) for field, written in fields.items()}
        """The fields as texts, by their names."""
        self.tz = None if tz is None else zone_of(tz, "crontab")
        if all(LONGEST.get(month, 31) < min(self.day_of_month) for month in self.month_of_year):
            raise ValueError(f"crontab: no year has such a day: {self}")
        self._in_real_time = self.hour == EVERY_HOUR
        self._times = [time(h, m) for h in sorted(self.hour) for m in sorted(self.minute)]

    @classmethod
    def from_string(cls, crontab: str, *, tz: str | tzinfo | None = None) -> Self:
        """From the five words of a crontab's line: minute, hour, day of the month, month, day of
        the week.

        Raises:
            TypeError, ValueError: it is none; as the class.
        """
        if not isinstance(crontab, str):
            raise TypeError(f"crontab.from_string: expected a text, got {crontab!r}")
        words = crontab.split()
        if len(words) != 5:
            raise ValueError(
                "crontab.from_string: expected five fields (minute, hour, day of month, month, "
                f"day of week), got {len(words)}: {crontab!r}"
            )
        minute, hour, day_of_month, month_of_year, day_of_week = words
        return cls(minute, hour, day_of_week, day_of_month, month_of_year, tz=tz)

    def next_after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """See `BaseSchedule.next_after`."""
        zone = self.tz or moment.tzinfo
        assert zone is not None
        if self._in_real_time:
            return self._next_minute(moment, zone)
        return self._next_time(moment, zone)

    def _next_time(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The first of the days' times that is later. Later times are never earlier moments."""
        moment = in_utc(moment)
        # The day before, because a time that is left out may be a moment of the next day.
        for day in self._days(moment.astimezone(zone).date() - DAY):
            at = partial(_at, day, zone)
            following = bisect_right(self._times, moment, key=at)
            if following < len(self._times):
                return at(self._times[following])
        return None

    def _next_minute(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The first minute that is later, and shows a time that fits."""
        shown = moment.astimezone(zone)
        past = timedelta(seconds=shown.second, microseconds=shown.microsecond)
        at = in_utc(moment) - past + A_MINUTE
        end = at.year + YEARS
        while at.year < end:
            shown = at.astimezone(zone)
            if not self._fits(shown.date()):
                at = self._next_day(at, shown.date(), zone)
                continue
            if shown.minute in self.minute:
                return at
            wait = A_MINUTE * min((each - shown.minute) % 60 for each in self.minute)
            # Over a change of the clocks it is the other minutes that fit.
            same = (at + wait).astimezone(zone).utcoffset() == shown.utcoffset()
            at += wait if same else A_MINUTE
        return None

    def _next_day(self, at: datetime, day: date, zone: tzinfo) -> datetime:
        following = next(self._days(day + DAY), None)
        if following is None:
            return at.replace(year=at.year + YEARS)
        begins = _at(following, zone, time())
        # Clocks that are put back over midnight show two beginnings of one day.
        return begins if begins > at else at + A_MINUTE

    def _days(self, first: date) -> Iterator[date]:
        """The days that fit, from one on."""
        day, end = first, first.year + YEARS
        while day.year < end:
            if day.month not in self.month_of_year:
                day = (day.replace(day=28) + 4 * DAY).replace(day=1)
            else:
                if self._fits(day):
                    yield day
                day += DAY

    def _fits(self, day: date) -> bool:
        return (
            day.month in self.month_of_year
            and day.day in self.day_of_month
            and day.isoweekday() % 7 in self.day_of_week
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, crontab):
            return NotImplemented
        return self._meaning() == other._meaning()

    def __hash__(self) -> int:
        return hash(self._meaning())

    def _meaning(self) -> tuple[object, ...]:
        days = self.day_of_week, self.day_of_month, self.month_of_year
        return self.minute, self.hour, *days, self.tz

    def __str__(self) -> str:
        names = (MINUTE, HOUR, DAY_OF_MONTH, MONTH_OF_YEAR, DAY_OF_WEEK)
        return " ".join(self.written[field.name] for field in names)

    def __repr__(self) -> str:
        zone = "" if self.tz is None else f" {name_of(self.tz)}"
        return f"<crontab: {self} (m/h/dM/MY/d){zone}>"


def _held(written: Any) -> Any:
    """An iterator would be empty the second time."""
    is_one = isinstance(written, int | str) or not isinstance(written, Iterable)
    return written if is_one else [*written]


def _at(day: date, zone: tzinfo, at: time) -> datetime:
    return moment_of(datetime.combine(day, at), zone)
