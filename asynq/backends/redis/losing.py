"""Noticing that the server has lost its data, and for whom nothing will come any more.

A server that was started empty, or flushed, answers as if nothing had ever been sent: whoever waits
would wait for ever. The data have a name, in `meta`; when it is another one after a connection was
made again, what was sent before the connection was lost is gone. Its results can't come: a worker
that still runs such a task has nothing to settle.

That holds where messages and results live on one server. Where the results' server alone has lost
its data, the tasks go on, and who waits goes on waiting.
"""

from __future__ import annotations

import logging
import secrets
from typing import Final

from asynq._redis.blocking import Blocking
from asynq._redis.errors import Refused
from asynq._redis.keys import Keys
from asynq._time import monotonic, time
from asynq.backends.redis.waiters import Waiters
from asynq.exceptions import ResultLost

logger = logging.getLogger("asynq.results")

GRACE: Final = 2.0
"""Seconds after which what has no final record by then counts as lost."""
IN_FLIGHT: Final = 0.5
"""Seconds before the connection was lost in which a call may have been on its way. Who sent it has
sent it again since, so its task may be in the new data."""


class Losses:
    """What this event loop knows of data that were lost."""

    def __init__(self, keys: Keys, waiters: Waiters, url: str) -> None:
        self.beside_broker = False
        """Do the tasks' messages live on this server too?"""
        self._meta = keys.meta
        self._waiters = waiters
        self._url = url
        self._name: bytes | None = None
        self._away_since: tuple[float, float] | None = None
        self._lost: tuple[float, float, float] | None = None

    def away(self, *, silent: float = 0.0) -> None:
        """The connection was lost, or could not be made.

        Args:
            silent: For how many seconds nothing had come by then, where that is how we know.
        """
        if self._away_since is None:
            self._away_since = monotonic() - silent, time() - silent

    async def look(self, connection: Blocking) -> bool:
        """Are these other data than before? Called with every new connection.

        Raises:
            OperationalError, Refused: as `Blocking.execute`.
        """
        since, self._away_since = self._away_since, None
        known = self._name
        self._name = name = await self._read_name(connection)
        if known is None or name == known:
            return False
        at, wall = since or (monotonic(), time())
        self._lost = at, wall, monotonic() + GRACE
        logger.critical("%s has lost its data: it does not know what was sent before", self._url)
        return True

    def missing(self, id: str) -> None:
        """The server has no final record of the task: end the waiting for it, if it was lost."""
        if self._lost is None or not self.beside_broker:
            return
        lost_at, lost_wall, final = self._lost
        if monotonic() < final:
            return
        since, sent = self._waiters.since(id), _sent_at(id)
        waited_before = since is not None and since < lost_at
        sent_before = sent is not None and sent < lost_wall - IN_FLIGHT
        if waited_before or sent_before:
            error = ResultLost(
                f"{self._url} has lost its data since task {id} was sent: its result will not come"
            )
            self._waiters.fail(error, [id])

    async def _read_name(self, connection: Blocking) -> bytes | None:
        name: bytes | None = await connection.execute(b"HGET", self._meta, b"name")
        if name is None:
            try:
                await connection.execute(b"HSETNX", self._meta, b"name", secrets.token_hex(8))
            except Refused:  # full, or not for us to write
                return None
            name = await connection.execute(b"HGET", self._meta, b"name")
        return name


def _sent_at(id: str) -> float | None:
    """When an id of ours was made (Unix time, seconds); None: it is not one of ours."""
    if len(id) != 36 or id[14] != "7":
        return None
    try:
        return int(id[:8] + id[9:13], 16) / 1000
    except ValueError:
        return None
