"""What is in the queues, asked from the server when somebody wants to know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as TooLate
from contextlib import suppress
from typing import Final

from msgspec import Struct

from asynq._time import monotonic
from asynq.brokers.base import Broker
from asynq.exceptions import AsynqError

FRESH: Final = 2.0
"""Seconds for which an answer stands: many scrapes in that time ask once."""
STALE: Final = 120.0
"""Seconds after which an answer is shown no more: unknown is better than wrong."""
PATIENCE: Final = 2.0
"""Seconds for which the server, and an event loop, may let a scrape wait."""


class Figures(Struct, frozen=True):
    """One queue."""

    messages: Mapping[str, int]
    """How many are ready, delayed, parked and running."""
    oldest: float
    """Seconds for which the message that has waited longest waits; 0: nothing waits."""
    dead: int
    """Dead letters."""


class Answer(Struct, frozen=True):
    """What the server has said."""

    at: float
    """When, on the monotonic clock."""
    up: bool
    """It has answered."""
    queues: dict[str, Figures] = {}

    def younger(self, seconds: float) -> bool:
        """Is it not older than this?"""
        return monotonic() - self.at < seconds


class QueueWatch:
    """Asks a server about queues, at most once in two seconds.

    Args:
        broker: Gives the broker's connection for the running event loop.
        queues: Gives the queues to ask for.
        now: The broker's clock, as well as it is known in this process.
    """

    def __init__(
        self,
        broker: Callable[[], Broker],
        queues: Callable[[], Sequence[str]],
        now: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._queues = queues
        self._now = now
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asking: asyncio.Task[Answer] | None = None
        self._last: Answer | None = None

    def use(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Ask on this event loop from now on; None: on none."""
        old, asking = self._loop, self._asking
        if loop is old:
            return
        self._loop, self._asking = loop, None
        if old is None or asking is None or asking.done():
            return
        if old is _loop_here():
            asking.cancel()
        elif old.is_running():
            with suppress(RuntimeError):  # it closes just now
                old.call_soon_threadsafe(asking.cancel)

    def offer(self) -> None:
        """Ask on the running event loop, where there is no other that runs.

        A program may send from several: the one of its requests, and that of `asynq.run`.
        """
        if self._loop is None or not self._loop.is_running():
            self.use(asyncio.get_running_loop())

    async def ask(self) -> Answer:
        """What the server says, or has just said. On the event loop that is used."""
        if self._last is not None and self._last.younger(FRESH):
            return self._last
        return await asyncio.shield(self._begin())

    def answer(self) -> Answer | None:
        """What the server says; None: it can't be asked. From any thread.

        In a thread of its own this waits for the event loop, two seconds at most. On an event loop
        nobody may wait: that gets what was said before, and has the server asked for the next time.
        """
        loop, last = self._loop, self._last
        if last is not None and last.younger(FRESH):
            return last
        here = _loop_here()
        if loop is not None and loop is here:
            self._begin()
        elif loop is not None and loop.is_running():
            answer = self._asked_on(loop, wait=here is None)
            if answer is not None:
                return answer
        return last if last is not None and last.younger(STALE) else None

    def _begin(self) -> asyncio.Task[Answer]:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="asynq-queue-watch")
        return self._asking

    def _asked_on(self, loop: asyncio.AbstractEventLoop, *, wait: bool) -> Answer | None:
        asking = self.ask()
        try:
            asked = asyncio.run_coroutine_threadsafe(asking, loop)
        except RuntimeError:  # it closes just now
            asking.close()
            return None
        if not wait:
            return None
        try:
            return asked.result(PATIENCE + 0.5)
        except (TooLate, CancelledError):
            asked.cancel()
            return None

    async def _ask(self) -> Answer:
        try:
            async with asyncio.timeout(PATIENCE):
                broker = self._broker()
                names = list(self._queues())
                found = await asyncio.gather(*(self._figures(broker, name) for name in names))
            answer = Answer(monotonic(), True, dict(zip(names, found, strict=True)))
        except (AsynqError, TimeoutError):
            answer = Answer(monotonic(), False)
        self._last = answer
        return answer

    async def _figures(self, broker: Broker, queue: str) -> Figures:
        counts, dead = await asyncio.gather(broker.count(queue), broker.buried_count(queue))
        waited = 0.0 if counts.oldest is None else max(self._now() - counts.oldest, 0.0)
        messages = {
            "ready": counts.ready,
            "delayed": counts.delayed,
            "parked": counts.parked,
            "running": counts.held,
        }
        return Figures(messages, waited, dead)


def _loop_here() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
