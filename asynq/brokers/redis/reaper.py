"""Bringing back what a vanished worker held.

A delivery whose lease was not renewed is first only suspected. It is brought back when it is seen
again, as unrenewed and with the same owner, after a pause in which a worker that lives must have
renewed it, and in which the server answered all our own calls: else a server that stood still for
longer than a lease would make every running task look abandoned, and all would run twice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final, TypeAlias

from asynq._redis.keys import GROUP, Keys
from asynq._redis.pipeline import Pipeline, Word
from asynq._time import monotonic
from asynq.brokers.redis.delivery import Held, Lanes, level_word
from asynq.brokers.redis.pending import Page, pages
from asynq.brokers.redis.scripts import GONE, REAP

BATCH: Final = 100
LANES: Final = 50
"""Lanes in one call of GONE."""
COLLECTED: Final = 100

Suspect: TypeAlias = tuple[bytes, bytes, bytes]
"""Lane, entry, owner."""
Sighting: TypeAlias = tuple[float, int]
"""When a suspect was first seen, and for how many milliseconds it was idle then."""


class Reaper:
    """Looks at what is pending, of all workers, and remembers whom it suspects.

    Args:
        lease: Seconds after which a delivery that was not renewed is suspected.
    """

    def __init__(
        self, pipeline: Pipeline, keys: Keys, held: Held, queues: Sequence[str], *, lease: float
    ) -> None:
        self._pipeline = pipeline
        self._keys = keys
        self._held = held
        self._places = Lanes(keys, queues).places
        self._lease = lease
        self._confirm_after = lease / 3 + min(2.0, lease / 3)
        self.collect_after = max(4 * lease, 10.0)
        """Seconds without a read after which a consumer counts as gone."""
        self._suspects: dict[Suspect, Sighting] = {}
        self._collected = monotonic()

    async def run(self) -> None:
        """Sweep for ever; ends with the first error, and then nobody is suspected any more."""
        try:
            while True:
                await asyncio.sleep(self._pause())
                await self.sweep()
        finally:
            self._suspects.clear()

    async def sweep(self) -> int:
        """One look at everything pending.

        Returns:
            How many deliveries were brought back.

        Raises:
            OperationalError, Refused: the server can't be reached, or refuses.
        """
        count = 0
        seen: dict[Suspect, Sighting] = {}
        async for lane, page in pages(self._pipeline, list(self._places)):
            count += await self._judge(lane, page, seen)
        self._suspects = seen
        if monotonic() - self._collected > self.collect_after / 2:
            self._collected = monotonic()
            await self.collect()
        return count

    async def collect(self) -> None:
        """Delete the consumers of processes that are gone, where they hold nothing.

        One that lives and was taken for dead is made again by its next read.
        """
        lanes = list(self._places)
        for start in range(0, len(lanes), LANES):
            words = (GROUP, round(self.collect_after * 1000), self._held.consumer, COLLECTED)
            count = COLLECTED
            while count >= COLLECTED:
                count = await self._pipeline.run(GONE, lanes[start : start + LANES], words)

    def _pause(self) -> float:
        regular = self._lease / 3 * random.uniform(0.8, 1.2)
        if not self._suspects:
            return regular
        first_seen = min(since for since, _ in self._suspects.values())
        next_confirmed = first_seen + self._confirm_after - monotonic()
        return max(0.01, min(regular, next_confirmed + 0.01))

    async def _judge(self, lane: bytes, page: Page, seen: dict[Suspect, Sighting]) -> int:
        at = monotonic()
        confirmed: list[Word] = []
        for entry, owner, idle, _ in page:
            if idle < self._lease * 1000 or owner == self._held.consumer:
                continue
            suspect = (lane, entry, owner)
            known = self._suspects.get(suspect)
            if known is None or self._was_renewed(known, at, idle):
                seen[suspect] = (at, idle)
            elif at - known[0] < self._confirm_after:
                seen[suspect] = known
            else:
                confirmed += (entry, owner)
        count = 0
        queue, level = self._places[lane]
        for start in range(0, len(confirmed), 2 * BATCH):
            words: list[Word] = [GROUP, round(self._lease * 1000), level_word(level)]
            count += await self._pipeline.run(
                REAP,
                (lane, self._keys.returned(queue)),
                words + confirmed[start : start + 2 * BATCH],
            )
        return count

    def _was_renewed(self, known: Sighting, at: float, idle: int) -> bool:
        """Is it idle for less than it would be, had it been left alone since it was seen?

        A process that stood still itself may see both ends of a renewal as two idle moments.
        """
        since, idle_then = known
        return idle < idle_then + (at - since - self._lease / 4) * 1000
