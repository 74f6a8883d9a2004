"""What is due when: the entries a beat has taken up, and their slots. No I/O, and no clock.

Times are milliseconds since 1970 by the server's clock, as a broker has them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from asynq.brokers.schedules import ADDED, Declared, Entry
from asynq.canvas import Canvas
from asynq.schedules.base import clock
from asynq.schedules.cron import crontab
from asynq.schedules.due import due
from asynq.schedules.entries import Periodic
from asynq.schedules.zones import local

logger = logging.getLogger("asynq.beat")

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
SHORTEST_WAIT: Final = 50
"""Before a schedule without slots is asked again."""
AFTER_AN_ERROR: Final = 5_000

Own = Mapping[str, tuple[Periodic, Canvas[Any], Declared]]
"""What code declares, by name."""
Revive = Callable[[Entry], tuple[Periodic, Canvas[Any]] | None]
"""Makes an entry that was added at run time; None: it can't be."""


class Row:
    """One entry, and where it stands.

    Args:
        entry: As the server keeps it.
        periodic: What it means.
        canvas: What it calls.
        zone: Where it names none.
        cron_grace: Seconds by which a crontab's slot may be late, if it does not say so itself.
    """

    def __init__(
        self,
        entry: Entry,
        periodic: Periodic,
        canvas: Canvas[Any],
        zone: tzinfo,
        cron_grace: float | None = None,
    ) -> None:
        self.entry = entry
        self.periodic = periodic
        self.canvas = canvas
        self.last = entry.last
        """The last slot that is done with, as far as is known here."""
        self.slots: list[int] = []
        """Those that are due now."""
        self.waiting_since: int | None = None
        """The first slot since when something is due; later ones may have taken its place."""
        self.next: int | None = entry.last
        """When to look at it again; None: never."""
        self._missed = 0
        self._zone = periodic.schedule.tz or periodic.zone or zone
        self._anchor = moment(entry.anchor, self._zone)
        self._passed = entry.last
        """Slots up to here are of no interest any more."""
        self._grace = periodic.grace
        if self._grace is None and isinstance(periodic.schedule, crontab):
            self._grace = cron_grace

    def look(self, now: int) -> None:
        """Settle what is due, and when to look again."""
        if self.next is None or self.next > now:
            return
        try:
            if self.periodic.schedule.is_polled:
                self._ask(now)
            else:
                self._find(now)
        except Exception:  # a schedule of somebody's own must not stop the others
            logger.exception("Periodic task %r: its schedule has failed", self.entry.name)
            self.slots, self.next = [], now + AFTER_AN_ERROR
        self._wait()

    def done(self, last: int) -> None:
        """Slots up to this one are done with, whoever fired them."""
        if last != self.last:
            self.last = last
            self._passed = max(self._passed, last)
            # One without slots was due at some moment, and another beat's moment is as good.
            left = [] if self.periodic.schedule.is_polled else self.slots
            self.slots = [slot for slot in left if slot > last]
            self.waiting_since = None
            self._wait()
            if not self.slots:
                self.next = last  # what comes after it is to be found

    def give_up(self, slot: int) -> None:
        """A slot can't be fired."""
        self._passed = max(self._passed, slot)
        self.slots = [each for each in self.slots if each > slot]
        self._wait()

    def tell_missed(self) -> None:
        """Log what is left out. Not before it is known that no other beat has fired it."""
        missed, self._missed = self._missed, 0
        if missed:
            logger.warning(
                "Periodic task %r: slots that were missed, and are left out (misfire: %s): %d",
                self.entry.name,
                self.periodic.misfire,
                missed,
            )

    def _wait(self) -> None:
        if not self.slots:
            self.waiting_since = None
        elif self.waiting_since is None:
            self.waiting_since = self.slots[0]

    def _find(self, now: int) -> None:
        found = due(
            self.periodic.schedule,
            since=moment(self._passed, self._zone),
            now=moment(now, self._zone),
            anchor=self._anchor,
            misfire=self.periodic.misfire,
            grace=self._grace,
        )
        self._missed = found.missed
        self.slots = [slot for each in found.slots if (slot := milliseconds(each)) > self._passed]
        self.next = None if found.next is None else milliseconds(found.next)
        if not self.slots:
            self._passed = max(self._passed, now)
            self.tell_missed()

    def _ask(self, now: int) -> None:
        with clock(lambda: now / 1000):
            is_due, seconds = self.periodic.schedule.is_due(moment(self.last, self._zone))
        self.slots = [now] if is_due else []
        self.next = now + max(SHORTEST_WAIT, round(min(seconds, 86_400.0) * 1000))


class Timetable:
    """All entries that this beat fires.

    Args:
        zone: Of entries that name none.
        cron_grace: The setting `beat_cron_starting_deadline`.
    """

    def __init__(self, zone: tzinfo | None, cron_grace: float | None = None) -> None:
        self._zone = zone or local()
        self._cron_grace = cron_grace
        self.rows: dict[str, Row] = {}

    def take_up(self, entries: Iterable[Entry], own: Own, revive: Revive) -> None:
        """These are the entries from now on.

        Args:
            entries: All that the server keeps.
            own: What our code declares.
            revive: Makes the others.
        """
        rows: dict[str, Row] = {}
        for entry in entries:
            if entry.paused:
                continue
            known = self.rows.get(entry.name)
            if known is not None and known.entry.revision == entry.revision:
                known.done(entry.last)
                rows[entry.name] = known
            elif (made := self._made(entry, own, revive)) is not None:
                rows[entry.name] = Row(entry, *made, self._zone, self._cron_grace)
        self.rows = rows

    def due(self, now: int) -> list[Row]:
        """Those with slots that are due."""
        for row in self.rows.values():
            row.look(now)
        return [row for row in self.rows.values() if row.slots]

    def next(self) -> int | None:
        """When something is due; None: never."""
        times = [row.waiting_since or row.next for row in self.rows.values()]
        return min((each for each in times if each is not None), default=None)

    def _made(self, entry: Entry, own: Own, revive: Revive) -> tuple[Periodic, Canvas[Any]] | None:
        if entry.owner == ADDED:
            return revive(entry)
        mine = own.get(entry.name)
        # Of other code, newer or older than ours: its own beats fire it.
        if mine is None or mine[2].definition != entry.definition:
            return None
        return mine[0], mine[1]


def moment(milliseconds: int, zone: tzinfo) -> datetime:
    """A time as schedules have it."""
    return (EPOCH + milliseconds * MILLISECOND).astimezone(zone)


def milliseconds(moment: datetime) -> int:
    """A slot as brokers have it: the first millisecond that is no earlier."""
    return -((EPOCH - moment.astimezone(UTC)) // MILLISECOND)
