"""Reads batches of events, each once, and those only that are ours."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Final, NamedTuple

from asynq._time import monotonic
from asynq.brokers.base import EventLog
from asynq.events.event import Batch, decode
from asynq.exceptions import DecodeError
from asynq.wire.sealing import Seal

logger = logging.getLogger("asynq.events")

PAGE: Final = 20
"""Batches in one reading."""
SOURCES: Final = 10_000
"""Who has told events lately, of whom it is known which batch was the last."""
TOLD_AGAIN: Final = 60.0
"""Seconds after which unreadable batches are spoken of again."""


class Read(NamedTuple):
    """A batch, and where it stood."""

    place: str
    batch: Batch


class Reader:
    """Goes through an event log.

    Args:
        log: The log.
        seal: What opens batches; None: they are read as they are.
        after: The place to begin after; the empty one: at the beginning.

    Attributes:
        place: Where it is.
        lost: How many events were told of as lost, since it began.
        refused: How many batches could not be read, or trusted.
    """

    def __init__(self, log: EventLog, seal: Seal | None, *, after: str = "") -> None:
        self._log = log
        self._seal = seal
        self.place = after
        self.lost = 0
        self.refused = 0
        self._sources: OrderedDict[str, tuple[int, int]] = OrderedDict()
        """By source: the number of its last batch, and how many it had lost by then."""
        self._spoken = -TOLD_AGAIN

    async def read(self, *, wait: float = 0.0, limit: int = PAGE) -> list[Read]:
        """The next batches, waiting up to `wait` seconds for the first; empty: there are none now.

        Raises:
            OperationalError: the server can't be reached.
        """
        while True:
            pages = await self._log.read(self.place, limit=limit, wait=wait)
            found = []
            for page in pages:
                self.place = page.place
                batch = self._opened(page.body)
                if batch is not None and self._is_news(batch):
                    found.append(Read(page.place, batch))
            if found or not pages:
                return found

    async def aclose(self) -> None:
        """Close the connection that waits."""
        await self._log.aclose()

    def _opened(self, body: bytes) -> Batch | None:
        try:
            if self._seal is not None:
                body = self._seal.open_events(body)
            return decode(body)
        except DecodeError as error:  # whoever can write to the server can write anything
            self.refused += 1
            if monotonic() - self._spoken >= TOLD_AGAIN:
                self._spoken = monotonic()
                logger.warning("Events that can't be read are left out: %s", error)
            return None

    def _is_news(self, batch: Batch) -> bool:
        """Not one that was written twice, because the first answer was lost."""
        known = self._sources.get(batch.source)
        if known is not None and batch.number <= known[0]:
            return False
        if known is not None:
            self.lost += max(0, batch.lost - known[1])
        self._sources[batch.source] = (batch.number, batch.lost)
        self._sources.move_to_end(batch.source)
        if len(self._sources) > SOURCES:
            self._sources.popitem(last=False)
        return True
