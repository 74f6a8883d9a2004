"""How long an event loop keeps others waiting."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from asynq._time import monotonic

BEAT: Final = 0.25
"""Seconds between two looks."""
MEMORY: Final = 30.0
"""Seconds for which a lag is remembered: longer than between two scrapes of most."""


class Lag:
    """Watches the event loop that runs it."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=round(MEMORY / BEAT))
        self._due = monotonic() + BEAT

    async def run(self) -> None:
        """Look until cancelled."""
        self._due = monotonic() + BEAT
        while True:
            await asyncio.sleep(BEAT)
            now = monotonic()
            self._seen.append(max(now - self._due, 0.0))
            self._due = now + BEAT

    def worst(self) -> float:
        """The longest lag of late, in seconds; that which goes on at the moment counts too.

        Asked from another thread, while the loop is blocked.
        """
        return max(monotonic() - self._due, 0.0, *self._seen.copy())
