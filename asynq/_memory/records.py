"""Task records in memory: a table with expiry, and mailboxes for who waits."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from contextlib import AbstractContextManager

from msgspec import Struct

from asynq import _time


class Entry(Struct, frozen=True):
    """One record as it was written."""

    body: bytes
    final: bool


Listener = Callable[[Entry], None]


class Records:
    """The records of one space; every method may be called from any thread."""

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._entries: dict[str, tuple[Entry, float | None]] = {}
        self._expiries: list[tuple[float, str]] = []
        self._listeners: dict[str, dict[Listener, None]] = {}

    def write(self, id: str, entry: Entry, *, ttl: float | None) -> None:
        """Keep the entry for `ttl` seconds (None: for ever), unless it would hide a final one."""
        with self._lock:
            self._expire()
            known = self._entries.get(id)
            if known is not None and known[0].final and not entry.final:
                return
            expires = None if ttl is None else _time.monotonic() + ttl
            self._entries[id] = (entry, expires)
            if expires is not None:
                heapq.heappush(self._expiries, (expires, id))
            for listener in list(self._listeners.get(id, ())):
                listener(entry)

    def read(self, id: str) -> Entry | None:
        """What is known of the task."""
        with self._lock:
            self._expire()
            known = self._entries.get(id)
            return None if known is None else known[0]

    def forget(self, id: str) -> None:
        """Delete the entry."""
        with self._lock:
            self._entries.pop(id, None)

    def clear(self) -> None:
        """Delete all entries; listeners stay."""
        with self._lock:
            self._entries.clear()
            self._expiries.clear()

    def listen(self, id: str, listener: Listener) -> None:
        """Call `listener` with the present entry, if there is one, and with each one written."""
        with self._lock:
            self._listeners.setdefault(id, {})[listener] = None
            entry = self.read(id)
            if entry is not None:
                listener(entry)

    def unlisten(self, id: str, listener: Listener) -> None:
        """End what `listen` began."""
        with self._lock:
            listeners = self._listeners[id]
            del listeners[listener]
            if not listeners:
                del self._listeners[id]

    def _expire(self) -> None:
        now = _time.monotonic()
        while self._expiries and self._expiries[0][0] <= now:
            _, id = heapq.heappop(self._expiries)
            known = self._entries.get(id)
            # A later write may have given it another life.
            if known is not None and known[1] is not None and known[1] <= now:
                del self._entries[id]
