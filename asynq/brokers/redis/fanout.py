"""Saying something to everybody who listens: a short stream that each listener reads for itself.

A listener knows its place in the stream, so a broken connection misses nothing that is still
there. When its place is gone (the stream was trimmed, or the server lost it), it says that
something may have been missed, and goes on with what there is.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakSet

from asynq._redis.backoff import Backoff
from asynq._redis.blocking import Blocking
from asynq._redis.client import Server
from asynq._redis.errors import Refused
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.scripts import SAY
from asynq.exceptions import OperationalError

BLOCK: Final = 10.0
"""Seconds one read blocks at most. Mostly nothing is said; what is said comes at once all the same,
and only a stream that is gone is noticed no sooner."""
READ: Final = 100
"""Sayings in one read."""
REMEMBERED: Final = 2000
"""Sayings of which a listener knows that it has heard them; more than the stream keeps."""
START: Final = b"0-0"


class RedisFanout:
    """See `Fanout`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._client = secrets.token_hex(6)
        self._number = 0
        self._listeners: WeakSet[Listener] = WeakSet()

    async def publish(self, channel: str, body: bytes, *, kept: float = 3600.0) -> None:
        """See `Fanout.publish`."""
        self._number += 1
        name = f"{self._client}-{self._number}"
        words = (name, body, max(1, round(kept * 1000)))
        await self._calls.run(SAY, (self._calls.keys.said(channel),), words)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[bytes | None]]:
        """See `Fanout.subscribe`. While the server is away, the context is entered all the same;
        None comes out when it is back."""
        listener = Listener(self._calls.server, self._calls.keys.said(channel))
        self._listeners.add(listener)
        try:
            await listener.begin()
            yield listener
        finally:
            await listener.aclose()

    async def aclose(self) -> None:
        """Close the connections of all listeners; each gets an `OperationalError`."""
        for listener in list(self._listeners):
            await listener.aclose()


class Listener:
    """One who listens to a stream, on a connection of its own."""

    def __init__(self, server: Server, stream: bytes) -> None:
        self._stream = stream
        self._connection = Blocking(server)
        self._closed = False
        self._backoff = Backoff()
        self._place: bytes | None = None
        """The id of the last entry that was read; None when it could not be learned yet."""
        self._name = b""
        """Its name: a server that begins anew may give the same id to another."""
        self._heard: deque[bytes | None] = deque()
        self._names: dict[bytes, None] = {}
        """What was heard, so that what was sent twice, or is read twice, is heard once."""

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> bytes | None:
        while not self._heard:
            if not await self._read():
                await asyncio.sleep(self._backoff.next())
        return self._heard.popleft()

    async def begin(self) -> None:
        """Learn where the stream ends."""
        with contextlib.suppress(OperationalError, Refused):
            await self._go_to_the_end()

    async def aclose(self) -> None:
        """Close the connection."""
        self._closed = True
        await self._connection.aclose()

    async def _read(self) -> bool:
        """Hear what comes next, if anything does; False where the server is away."""
        try:
            if self._place is None:
                await self._go_to_the_end()
                self._heard.append(None)
                return True
            known, read = await self._connection.execute_all(
                self._commands(self._place), block=BLOCK
            )
        except (OperationalError, Refused):
            if self._closed:
                raise
            return False
        if isinstance(known, Refused) or isinstance(read, Refused):
            return False
        self._backoff.reset()
        if self._place != START and [_name(*entry) for entry in known] != [self._name]:
            self._place = START
            self._heard.append(None)
        elif read:
            self._hear(read[0][1])
        return True

    async def _go_to_the_end(self) -> None:
        last = await self._connection.execute(b"XREVRANGE", self._stream, b"+", b"-", b"COUNT", 1)
        self._place, self._name = START, b""
        for entry, fields in last:
            self._place, self._name = entry, _name(entry, fields)

    def _commands(self, place: bytes) -> tuple[Sequence[bytes | int], ...]:
        block = round(BLOCK * 1000)
        return (
            (b"XRANGE", self._stream, place, place),
            (b"XREAD", b"COUNT", READ, b"BLOCK", block, b"STREAMS", self._stream, place),
        )

    def _hear(self, entries: Sequence[tuple[bytes, Sequence[bytes]]]) -> None:
        for entry, fields in entries:
            self._place, self._name = entry, _name(entry, fields)
            body = _named(fields).get(b"b")
            if body is None or self._name in self._names:
                continue
            self._names[self._name] = None
            if len(self._names) > REMEMBERED:
                del self._names[next(iter(self._names))]
            self._heard.append(body)


def _named(fields: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(fields[::2], fields[1::2], strict=False))


def _name(entry: bytes, fields: Sequence[bytes]) -> bytes:
    return _named(fields).get(b"n", entry)
