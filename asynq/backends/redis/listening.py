"""Reading wake-ups: one connection, two streams, by position, so that none is missed.

`reply:<client>` brings the results of what was sent with our address, `late` those of tasks that
somebody else sent and we asked about. A stream is read from where we were, also after the
connection or the server was gone; and whenever something may have been missed all the same,
everything is asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from asynq._redis.backoff import Backoff
from asynq._redis.blocking import GRACE as PATIENCE
from asynq._redis.blocking import Blocking
from asynq._redis.client import Server
from asynq._redis.errors import Refused, SilentError, explain, kind_of
from asynq._redis.keys import Keys
from asynq.backends.redis.asking import WAIT, Asker
from asynq.backends.redis.losing import GRACE, Losses
from asynq.backends.redis.waiters import Waiters
from asynq.exceptions import AsynqError, BrokerRefused, OperationalError

BLOCK: Final = 3.0
"""Seconds that one read waits: with the patience after it, how long a connection that is dead at
its other end may keep a result from those who wait."""
COUNT: Final = 1000
"""Entries in one read. A full one says that we are behind, and the stream may have been cut."""
BEGINNING: Final = b"0-0"
FORBIDDEN: Final = frozenset({"NOPERM", "WRONGTYPE"})


class Listener:
    """The one reader of an event loop. Starts at the first wait, goes on until it is closed."""

    def __init__(
        self,
        server: Server,
        keys: Keys,
        client: str,
        waiters: Waiters,
        ready: asyncio.Event,
        losses: Losses,
    ) -> None:
        self._url = server.url
        self._connection = Blocking(server)
        self._reply = keys.reply(client)
        self._late = keys.late
        self._waiters = waiters
        self._ready = ready
        self._losses = losses
        self._positions: dict[bytes, bytes] = {self._reply: BEGINNING}
        self._behind = False
        self._task: asyncio.Task[None] | None = None

    def start(self, asker: Asker) -> None:
        """Begin to listen, if that has not begun."""
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._run(asker), name="asynq-results-listen")

    async def aclose(self) -> None:
        """Stop and close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._connection.aclose()

    async def _run(self, asker: Asker) -> None:
        backoff = Backoff()
        try:
            while True:
                try:
                    was_lost = await self._losses.look(self._connection)
                    await self._find_positions()
                    self._ready.set()
                    asker.ask_all()
                    if was_lost:
                        asker.ask_all_soon(GRACE)
                    backoff.reset()
                    while True:
                        await self._read(asker)
                except (OperationalError, Refused) as error:
                    self._ready.clear()
                    timed_out = isinstance(error.__cause__, SilentError)
                    self._losses.away(silent=BLOCK + PATIENCE if timed_out else 0.0)
                    if self._is_hopeless(error):
                        raise
                    await asyncio.sleep(backoff.next())
        except (AsynqError, Refused) as error:
            self._task = None  # the next to wait tries again
            self._waiters.fail(explain(error, self._url, doing=WAIT))

    def _is_hopeless(self, error: Exception) -> bool:
        """Trying again would end the same way. A server that once let us in is given time."""
        if isinstance(error, Refused):
            return kind_of(error) in FORBIDDEN
        return isinstance(error, BrokerRefused) and not self._connection.connections

    async def _find_positions(self) -> None:
        """`late` is read from its end, a stream that began anew from its beginning."""
        for stream in (self._reply, self._late):
            last = await self._connection.execute(b"XREVRANGE", stream, "+", "-", "COUNT", 1)
            end = last[0][0] if last else BEGINNING
            position = self._positions.get(stream)
            if position is None:
                self._positions[stream] = end
            elif _order(position) > _order(end):
                self._positions[stream] = BEGINNING

    async def _read(self, asker: Asker) -> None:
        positions = self._positions
        reply = await self._connection.execute(
            *(b"XREAD", "COUNT", COUNT, "BLOCK", int(BLOCK * 1000), "STREAMS"),
            *(self._reply, self._late, positions[self._reply], positions[self._late]),
            block=BLOCK,
        )
        full = False
        for stream, entries in reply or ():
            for _, fields in entries:
                self._take(stream, fields, asker)
            positions[stream] = entries[-1][0]
            full = full or len(entries) >= COUNT
        if self._behind and not full:
            asker.ask_all()
        self._behind = full

    def _take(self, stream: bytes, fields: Sequence[bytes], asker: Asker) -> None:
        if len(fields) == 4 and fields[0] == b"i" and fields[2] == b"v":  # nearly all are so
            name: bytes = fields[1]
            stored: bytes | None = fields[3]
        else:
            named: dict[bytes, bytes] = dict(zip(fields[::2], fields[1::2], strict=False))
            name, stored = named.get(b"i", b""), named.get(b"v")
        id = name.decode(errors="replace")
        if stream == self._reply:
            if not self._waiters.announce(id, stored):
                asker.ask(id)
        elif id in self._waiters:
            if stored is None:
                asker.ask(id)
            else:
                self._waiters.arrive(id, stored)


def _order(position: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = position.partition(b"-")
    return int(milliseconds), int(sequence or 0)
