"""Firing what is due: written like any call, and handed over with its slot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from asynq.beat.timetable import Row
from asynq.brokers.schedules import Fired, Firing, Schedules
from asynq.exceptions import OperationalError
from asynq.periodic.firing import Composed, compose, slot_id

logger = logging.getLogger("asynq.beat")


class Sender:
    """Fires slots of entries.

    Args:
        namespace: The app's.
        schedules: Gives where they are kept.
    """

    def __init__(self, namespace: str, schedules: Callable[[], Schedules]) -> None:
        self._namespace = namespace
        self._schedules = schedules
        self.stale = False
        """The entries are not what they were: look at them again."""

    async def fire(self, rows: Sequence[Row]) -> None:
        """Fire all slots of theirs that are due, the entries side by side.

        Raises:
            OperationalError: the server can't be reached. What was not fired is still due.
        """
        told = await asyncio.gather(*map(self._fire_all, rows), return_exceptions=True)
        for error in told:
            if isinstance(error, BaseException):
                raise error

    async def _fire_all(self, row: Row) -> None:
        """Its slots, one after the other."""
        while row.slots:
            slot = row.slots[0]
            id = slot_id(self._namespace, row.entry.name, slot)
            try:
                composed = await compose(row.canvas, id)
            except OperationalError:
                raise
            except Exception:  # of this entry alone
                logger.exception("Periodic task %r can't be sent", row.entry.name)
                row.give_up(slot)
                continue
            if not self._heed(row, slot, composed, await self._hand_over(row, slot, composed)):
                return

    async def _hand_over(self, row: Row, slot: int, composed: Composed) -> Fired:
        return await self._schedules().fire(
            Firing(
                name=row.entry.name,
                revision=row.entry.revision,
                last=row.last,
                slot=slot,
                id=composed.id,
                begin=composed.begin,
                workflow=composed.workflow,
            )
        )

    def _heed(self, row: Row, slot: int, composed: Composed, fired: Fired) -> bool:
        """What became of it; False: the rest of its slots must wait."""
        match fired.verdict:
            case "known":  # by us, and the reply was lost; or by another beat
                row.done(slot)
            case "fired":
                logger.info(
                    "Scheduler: Sending due task %s (%s)[%s]",
                    row.entry.name,
                    getattr(row.canvas, "task", type(row.canvas).__name__.lower()),
                    composed.id,
                )
                row.done(slot)
                row.tell_missed()
            case "moved":
                row.done(fired.last)
            case "early":
                return False
            case "gone":
                row.give_up(row.slots[-1])
                self.stale = True
        return True
