"""Who waits for which task, in one event loop. No I/O: records come in, waiters go on.

A stored record begins with `~` when it is not final (see `asynq._redis.keys`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from asynq._redis.keys import PROVISIONAL
from asynq._time import monotonic

UNCLAIMED: Final = 10_000
"""How many announced results are kept that nobody has asked for yet; each has at most 1 KiB."""


class Watch(Protocol):
    """One waiter."""

    def arrive(self, body: bytes, final: bool) -> None:
        """A record of its task."""

    def fail(self, error: Exception) -> None:
        """There will be none."""


class Ending:
    """Waits for the final record.

    Args:
        timeout: Seconds after which `future` raises Python's `TimeoutError`; None: never.
    """

    __slots__ = ("_timer", "future")

    def __init__(self, timeout: float | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[bytes] = loop.create_future()
        # A handle of the loop's, where `asyncio.timeout` costs a waiter a tenth of all its time.
        self._timer = None if timeout is None else loop.call_later(timeout, self._time_is_up)

    def arrive(self, body: bytes, final: bool) -> None:
        """Take it if it is the final one."""
        if final and not self.future.done():
            self.future.set_result(body)

    def fail(self, error: Exception) -> None:
        """Raise the error where `future` is awaited."""
        if not self.future.done():
            self.future.set_exception(error)

    def close(self) -> None:
        """It is not waited for any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _time_is_up(self) -> None:
        self.fail(TimeoutError())


class Progress:
    """Waits for every record, and drops repetitions."""

    def __init__(self) -> None:
        self._records: deque[tuple[bytes, bool]] = deque()
        self._last: tuple[bytes, bool] | None = None
        self._error: Exception | None = None
        self._changed = asyncio.Event()

    def arrive(self, body: bytes, final: bool) -> None:
        """Take it, unless it is the one that came last."""
        record = (body, final)
        if record != self._last:
            self._last = record
            self._records.append(record)
            self._changed.set()

    def fail(self, error: Exception) -> None:
        """Raise the error after what has come so far."""
        self._error = error
        self._changed.set()

    async def next(self) -> tuple[bytes, bool]:
        """The next record, and whether it is the final one."""
        while not self._records:
            if self._error is not None:
                raise self._error
            self._changed.clear()
            await self._changed.wait()
        return self._records.popleft()


class _Awaited:
    """One task that is waited for."""

    __slots__ = ("asked", "since", "watches")

    def __init__(self) -> None:
        self.watches: set[Watch] = set()
        self.since = monotonic()
        self.asked = False


class Waiters:
    """The table: task id to who waits; and what came before anybody asked."""

    def __init__(self) -> None:
        self._awaited: dict[str, _Awaited] = {}
        self._unclaimed: dict[str, bytes | None] = {}
        self._delivered: dict[str, bytes | None] = {}

    def __bool__(self) -> bool:
        return bool(self._awaited)

    def __contains__(self, id: object) -> bool:
        return id in self._awaited

    @contextmanager
    def watching(self, id: str, watch: Watch) -> Iterator[None]:
        """The watch gets the task's records meanwhile."""
        awaited = self._awaited.get(id)
        if awaited is None:
            awaited = self._awaited[id] = _Awaited()
        awaited.watches.add(watch)
        try:
            yield
        finally:
            awaited.watches.discard(watch)
            if not awaited.watches and self._awaited.get(id) is awaited:
                del self._awaited[id]

    def all(self) -> list[str]:
        """Every task waited for."""
        return list(self._awaited)

    def doubtful(self, age: float) -> list[str]:
        """Tasks waited for since `age` seconds, that the server was never asked about."""
        before = monotonic() - age
        return [id for id, one in self._awaited.items() if not one.asked and one.since <= before]

    def since(self, id: str) -> float | None:
        """When the task was first waited for, on the monotonic clock."""
        awaited = self._awaited.get(id)
        return None if awaited is None else awaited.since

    def asked(self, id: str) -> None:
        """The server has been asked about the task."""
        awaited = self._awaited.get(id)
        if awaited is not None:
            awaited.asked = True

    def arrive(self, id: str, stored: bytes) -> None:
        """A record as it is stored: to everybody who waits for it."""
        awaited = self._awaited.get(id)
        if awaited is None:
            return
        final = not stored.startswith(PROVISIONAL)
        body = stored if final else stored[1:]
        for watch in tuple(awaited.watches):
            watch.arrive(body, final)

    def announce(self, id: str, stored: bytes | None) -> bool:
        """A final record came to our address; None: it was too large to come along.

        Returns:
            False if it must be fetched, because somebody waits for it.
        """
        if id not in self._awaited:
            _remember(self._unclaimed, id, stored)
            return True
        if stored is None:
            return False
        self.arrive(id, stored)
        _remember(self._delivered, id, None)
        return True

    def claim(self, id: str) -> tuple[bool, bytes | None]:
        """Has the task's result been announced already, and what is it, if it came along."""
        if id in self._unclaimed:
            stored = self._unclaimed.pop(id)
            _remember(self._delivered, id, None)
            return True, stored
        return id in self._delivered, None

    def fail(self, error: Exception, ids: Iterable[str] | None = None) -> None:
        """Tell who waits for these tasks, or for any, that nothing will come."""
        for id in self.all() if ids is None else ids:
            awaited = self._awaited.get(id)
            for watch in awaited.watches if awaited else ():
                watch.fail(error)


def _remember(table: dict[str, bytes | None], id: str, stored: bytes | None) -> None:
    table[id] = stored
    if len(table) > UNCLAIMED:
        del table[next(iter(table))]
