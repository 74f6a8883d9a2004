"""How an agent lives through a server that is away: back off, and say so without flooding the log.

Half of the "worker is alive but never consumes again" bugs of other queues are a loop that ended,
or slept on a dead connection (celery#8030, dramatiq#207, taskiq-redis#65). So every agent's loop
has one place where the error is met, and it is this one.
"""

from __future__ import annotations

import asyncio
import logging
import random

from asynq._time import monotonic
from asynq.exceptions import BrokerRefused, OperationalError

logger = logging.getLogger("asynq.worker")

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0
FIRST_PAUSE_REFUSED = 5.0
LONGEST_PAUSE_REFUSED = 60.0
"""Seconds, where the server is there and refuses us: somebody has to change something first."""
REPEAT_AFTER = 60.0
"""Seconds after which a lasting outage is logged again."""


class Outage:
    """The outage one agent sees, from its first error to the next success."""

    def __init__(self, doing: str, logger: logging.Logger = logger) -> None:
        self._doing = doing
        self._logger = logger
        self._failures = 0
        self._refusals = 0
        self._since = 0.0
        self._logged = 0.0

    async def pause(self, error: OperationalError) -> None:
        """Note the failure and wait before the next try.

        With full jitter, 50 ms doubling to 2 s; where we are refused, 5 s doubling to a minute.
        """
        self.note(error)
        if isinstance(error, BrokerRefused):
            self._refusals += 1
            first = FIRST_PAUSE_REFUSED
            longest = min(LONGEST_PAUSE_REFUSED, first * 2 ** min(self._refusals - 1, 10))
        else:
            self._refusals = 0
            first = FIRST_PAUSE / 2
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures, 10))
        await asyncio.sleep(random.uniform(first, longest))

    def note(self, error: Exception) -> None:
        """Note the failure, and say it if it is the first, or nothing was said for a minute."""
        at = monotonic()
        if not self._failures:
            self._since = at
        if not self._failures or at - self._logged >= REPEAT_AFTER:
            self._logged = at
            self._logger.error("Can't %s: %s. Trying again…", self._doing, error)
        self._failures += 1

    def over(self) -> None:
        """Note a success."""
        if self._failures:
            self._logger.warning(
                "Can %s again, after %.1f s and %d tries",
                self._doing,
                monotonic() - self._since,
                self._failures,
            )
            self._failures = self._refusals = 0
