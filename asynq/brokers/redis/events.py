"""The event log on Redis: one stream, with an end in bytes and in time.

It is the memory of all monitors: they read it, each from its own place, and leave it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from asynq._redis.blocking import Blocking
from asynq._redis.errors import Refused, explain
from asynq.brokers.base import Page
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.scripts import APPEND

START: Final = "0-0"
LAST_OF_A_MILLISECOND: Final = 2**64 - 1
PLACE: Final = re.compile(r"\d{1,20}-\d{1,20}")


class RedisEventLog:
    """See `EventLog`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stream = calls.keys.events
        self._waiting: Blocking | None = None

    async def append(self, body: bytes, *, max_bytes: int, expires: float) -> None:
        """See `EventLog.append`."""
        await self._calls.run(APPEND, (self._stream,), (body, max_bytes, round(expires * 1000)))

    async def read(self, after: str, *, limit: int, wait: float = 0.0) -> Sequence[Page]:
        """See `EventLog.read`. Who waits has a connection of its own."""
        place = after or START
        if not PLACE.fullmatch(place):
            raise ValueError(f"{after!r} is no place in an event log")
        if wait <= 0:
            words = (b"XREAD", b"COUNT", limit, b"STREAMS", self._stream, place)
            return _pages(await self._calls.execute(*words))
        if self._waiting is None:
            self._waiting = Blocking(self._calls.server)
        command = (
            *(b"XREAD", b"COUNT", limit, b"BLOCK", max(1, round(wait * 1000))),
            *(b"STREAMS", self._stream, place),
        )
        try:
            return _pages(await self._waiting.execute(*command, block=wait))
        except Refused as error:
            raise explain(error, self._calls.server.url) from error

    async def last(self) -> str:
        """See `EventLog.last`."""
        found = await self._calls.execute(b"XREVRANGE", self._stream, b"+", b"-", b"COUNT", 1)
        return str(found[0][0].decode()) if found else ""

    def at(self, time: float) -> str:
        """See `EventLog.at`."""
        return f"{max(0, int(time * 1000) - 1)}-{LAST_OF_A_MILLISECOND}"

    async def aclose(self) -> None:
        """See `EventLog.aclose`."""
        if self._waiting is not None:
            await self._waiting.aclose()
            self._waiting = None


def _pages(read: Any) -> list[Page]:
    entries = read[0][1] if read else ()
    return [Page(entry.decode(), dict(_pairs(fields))[b"b"]) for entry, fields in entries]


def _pairs(fields: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(fields[::2], fields[1::2], strict=True))
