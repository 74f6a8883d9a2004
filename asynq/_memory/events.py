"""The event log in memory: the youngest entries of one space, each read by whoever wants."""

from __future__ import annotations

import asyncio
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from asynq import _time
from asynq._memory.bell import Bell
from asynq.exceptions import OperationalError
from asynq.wire.parcels import Page

SIZE_OF_ENTRY: Final = 64
"""Bytes that count for an entry beside its body."""

Place = tuple[int, int]
"""Milliseconds, and a number within them."""


class Events:
    """The log of one space; every method may be called from any thread."""

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._entries: list[tuple[Place, bytes]] = []
        self._bytes = 0
        self._last: Place = (0, 0)
        self._bells: list[Bell] = []

    def append(self, body: bytes, *, max_bytes: int, expires: float) -> None:
        """Append an entry, drop the oldest for it, and wake who waits."""
        with self._lock:
            now = int(_time.time() * 1000)
            before = self._last
            self._last = (now, 0) if now > before[0] else (before[0], before[1] + 1)
            self._entries.append((self._last, body))
            self._bytes += len(body) + SIZE_OF_ENTRY
            self._drop(max_bytes, now - round(expires * 1000))
            for bell in self._bells:
                bell.ring()

    def read(self, after: Place, limit: int) -> Sequence[tuple[Place, bytes]]:
        """Entries from after that place."""
        with self._lock:
            first = bisect_right(self._entries, after, key=lambda entry: entry[0])
            return self._entries[first : first + limit]

    def last(self) -> Place | None:
        """The place of the youngest."""
        with self._lock:
            return self._entries[-1][0] if self._entries else None

    @contextmanager
    def watched(self, bell: Bell) -> Iterator[None]:
        """Ring it when something is appended, meanwhile."""
        with self._lock:
            self._bells.append(bell)
        try:
            yield
        finally:
            with self._lock:
                self._bells.remove(bell)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def _drop(self, max_bytes: int, oldest: int) -> None:
        dropped = 0
        for place, body in self._entries[:-1]:
            if self._bytes <= max_bytes and place[0] >= oldest:
                break
            self._bytes -= len(body) + SIZE_OF_ENTRY
            dropped += 1
        del self._entries[:dropped]


class MemoryEventLog:
    """See `asynq.brokers.base.EventLog`: one reader, or writer, of a log."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._bell: Bell | None = None
        self._closed = False

    async def append(self, body: bytes, *, max_bytes: int, expires: float) -> None:
        """Append an entry."""
        self._check_open()
        self._events.append(body, max_bytes=max_bytes, expires=expires)

    async def read(self, after: str, *, limit: int, wait: float = 0.0) -> Sequence[Page]:
        """Entries from after that place."""
        await asyncio.sleep(0)
        place, deadline = _place(after), _time.monotonic() + wait
        bell = self._bell = Bell()
        with self._events.watched(bell):
            while True:
                bell.clear()
                self._check_open()
                found = self._events.read(place, limit)
                left = deadline - _time.monotonic()
                if found or left <= 0:
                    return [Page(f"{at}-{number}", body) for (at, number), body in found]
                await bell.wait(left)

    async def last(self) -> str:
        """The place of the youngest entry."""
        last = self._events.last()
        return "" if last is None else f"{last[0]}-{last[1]}"

    def at(self, time: float) -> str:
        """The place before all that was appended from that time on."""
        return f"{max(0, int(time * 1000) - 1)}-{sys.maxsize}"

    async def aclose(self) -> None:
        """Close; who waits gets an `OperationalError`."""
        self.close()

    def close(self) -> None:
        """As `aclose`."""
        self._closed = True
        if self._bell is not None:
            self._bell.ring()

    def _check_open(self) -> None:
        if self._closed:
            raise OperationalError("the event log was closed")


def _place(text: str) -> tuple[int, int]:
    at, _, number = (text or "0-0").partition("-")
    if not (at.isascii() and at.isdigit() and number.isascii() and number.isdigit()):
        raise ValueError(f"{text!r} is no place in an event log")
    return int(at), int(number)
