"""Gathers events, and writes many at a time, in the background.

An event is not worth a task: whoever tells one never waits, and what can't be written is lost, and
counted. The count travels with every batch, so monitors know of it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from asynq._time import monotonic
from asynq.brokers.base import EventLog
from asynq.events.event import SHOWN, Batch, Event, Life, encode, utcoffset
from asynq.exceptions import OperationalError, OptionValueError
from asynq.wire.sealing import Seal

logger = logging.getLogger("asynq.events")

GATHERED: Final = 0.1
"""Seconds in which events are gathered before they are written."""
BATCH: Final = 1000
"""Events in one batch."""
BACKLOG: Final = 20
"""Batches that wait to be written; with more, the oldest are lost."""
PAUSE: Final = 1.0
"""Seconds before the next try, when the server is away."""

Groups = dict[tuple[str, str], list[Life]]


class _Pile:
    """What will be one batch."""

    __slots__ = ("base", "count", "groups", "others")

    def __init__(self) -> None:
        self.base = monotonic()
        self.groups: Groups = {}
        self.others: list[Event] = []
        self.count = 0


class Dispatcher:
    """Tells events.

    Args:
        log: Where they go.
        hostname: Who tells them.
        now: The time on the broker's clock.
        seal: What closes batches; None: they are written as they are.
        max_bytes: What all batches together may have on the server (`event_max_bytes`).
        expires: Seconds that they are kept (`event_expires`).

    Attributes:
        base: What the times of a `Life` count from now (monotonic, seconds).
        lost: How many events could not be written.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        hostname: str,
        now: Callable[[], float],
        seal: Seal | None,
        max_bytes: int,
        expires: float,
    ) -> None:
        self._log = log
        self.hostname = hostname
        self._now = now
        self._seal = seal
        self._max_bytes = max_bytes
        self._expires = expires
        self._source = secrets.token_hex(6)
        self._number = 0
        self._full: deque[_Pile] = deque()
        self._pile = _Pile()
        self.base = self._pile.base
        self.lost = 0
        self._away = False
        self._writing = asyncio.Lock()
        self.wake = asyncio.Event()
        """Set when there is something to write, for `run`."""

    def send(self, type: str, **fields: Any) -> None:
        """Tell an event, of whatever type.

        Args:
            type: ``worker-…``, ``task-…``, or a word of one's own before the dash.
            **fields: Plain values.

        Raises:
            OptionValueError: `type` is not a text.
        """
        if not isinstance(type, str) or not type:
            raise OptionValueError(f"events: type: expected a text like 'my-event', got {type!r}")
        self._pile.others.append({"type": type, "timestamp": self._now(), **fields})
        self._count()
        self.news()

    def news(self) -> None:
        """There is something to write."""
        self.wake.set()

    def tell(self, name: str, queue: str, life: Life) -> None:
        """Tell of a task. Does not wake: who tells many does that once."""
        pile, key = self._pile, (name, queue)
        lives = pile.groups.get(key)
        if lives is None:
            pile.groups[key] = [life]
        else:
            lives.append(life)
        pile.count += 1
        if pile.count >= BATCH:
            self._close()

    async def run(self, collect: Callable[[], None] = lambda: None) -> None:
        """Write until cancelled.

        Args:
            collect: Called before each writing: there may be more to tell.
        """
        while True:
            await self.wake.wait()
            await asyncio.sleep(GATHERED)
            self.wake.clear()
            collect()
            if not await self._write_all():
                await asyncio.sleep(PAUSE)

    async def flush(self) -> None:
        """Write what was told so far. Never raises: what can't be written is lost, and counted."""
        await self._write_all()

    @property
    def has_news(self) -> bool:
        """Is there something to write?"""
        return bool(self._pile.count or self._full)

    def _count(self) -> None:
        self._pile.count += 1
        if self._pile.count >= BATCH:
            self._close()

    def _close(self) -> None:
        if len(self._full) >= BACKLOG:
            self.lost += self._full.popleft().count
        self._full.append(self._pile)
        self._pile = _Pile()
        self.base = self._pile.base

    async def _write_all(self) -> bool:
        """Write all there is; False where the server would not have it."""
        async with self._writing:  # a batch that came after a later one would count as read
            return await self._write_piles()

    async def _write_piles(self) -> bool:
        if self._pile.count:
            self._close()
        elif not self._full:
            # The next times count from now, so that they are small numbers.
            self._pile.base = self.base = monotonic()
        while self._full:
            pile = self._full.popleft()
            try:
                await self._append(pile)
            except OperationalError as error:
                self.lost += pile.count
                self._note(error)
                return False
            except BaseException:
                self.lost += pile.count
                raise
            if self._away:
                self._away = False
                logger.warning("Events are written again; %d are lost", self.lost)
        return True

    async def _append(self, pile: _Pile) -> None:
        self._number += 1
        body = encode(
            Batch(
                hostname=self.hostname,
                pid=os.getpid(),
                source=self._source,
                number=self._number,
                base=self._now() - monotonic() + pile.base,
                utcoffset=utcoffset(),
                lost=self.lost,
                tasks=[(name, queue, lives) for (name, queue), lives in pile.groups.items()],
                others=pile.others,
            )
        )
        if self._seal is not None:
            body = self._seal.seal_events(body)
        await self._log.append(body, max_bytes=self._max_bytes, expires=self._expires)

    def _note(self, error: OperationalError) -> None:
        if not self._away:
            self._away = True
            logger.warning("Events can't be written, and are lost meanwhile: %s", error)


def microseconds(seconds: float) -> int:
    """As `Life` has its times."""
    return int(seconds * 1_000_000)


def as_it_came(raw: bytes) -> bytes | str:
    """Arguments of a message, written in JSON, as a `Life` shows them: cut where they are long."""
    if len(raw) <= SHOWN:
        return raw
    return raw[:SHOWN].decode(errors="ignore") + "…"
