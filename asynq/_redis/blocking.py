"""A connection of one's own, for commands that block on the server.

`Pipeline` can't carry them: everyone behind would wait. One coroutine uses it, one command at a
time. It connects when it is used and after every loss, once a use; when to try again is the
caller's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, cast

from asynq._redis.alarm import Alarm
from asynq._redis.client import Server
from asynq._redis.closing import close_with_loop
from asynq._redis.command import Word
from asynq._redis.errors import DISCONNECTED, Refused, SilentError, explain, kind_of
from asynq._redis.link import Link
from asynq._redis.scripts import Script
from asynq.exceptions import AsynqError, OperationalError

GRACE: Final = 5.0
"""Seconds of silence after which a connection is taken for dead. An answer that takes longer to
arrive is read to its end."""
STANDSTILL: Final = 1.0
"""Seconds our clock may be behind. After more, our process stood still, and answers are old."""


class Blocking:
    """One connection for blocking reads. Nothing connects before the first use.

    Safe to cancel: the connection is dropped then, for its reply would come to the next command.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connections = 0
        """How many times a connection was made; when it has grown, replies may have been lost."""
        self._link: Link | None = None
        self._watch: AsyncGenerator[None, None] | None = None
        self._closed = False

    async def connect(self) -> None:
        """Make a connection if there is none; the first use does it too.

        Raises:
            OperationalError: it can't be made.
        """
        if self._closed:
            raise OperationalError(f"the connection to {self.server.url} is closed")
        if self._link is not None and self._link.lost is None:
            return
        try:
            link = await self.server.connect()
        except AsynqError:
            raise
        except Exception as error:
            raise explain(error, self.server.url) from error
        if self._closed:
            link.close()
            raise OperationalError(f"the connection to {self.server.url} is closed")
        self._link = link
        self.connections += 1
        if self._watch is None:
            self._watch = close_with_loop(self._close)

    async def execute(self, *command: Word, block: float = 0.0) -> Any:
        """Send one command and return its reply (RESP2, strings as bytes).

        Args:
            block: Seconds the command itself may block.

        Raises:
            Refused: the answer is an error.
            OperationalError: the connection can't be made, or was lost. Whether the command was
                carried out is not known then.
        """
        (reply,) = await self.execute_all((command,), block=block)
        if isinstance(reply, Refused):
            raise reply
        return reply

    async def execute_all(
        self, commands: Sequence[Sequence[Word]], *, block: float = 0.0
    ) -> list[Any]:
        """Send several commands in one write and return their replies, `Refused` among them.

        Args:
            block: Seconds they may block, all together.

        Raises:
            OperationalError: as in `execute`.
        """
        await self.connect()
        link = cast("Link", self._link)
        patience = _Patience(link, block)
        try:
            replies = await link.ask_all(cast("Sequence[tuple[bytes, ...]]", commands))
            if link.lost is not None:
                raise link.lost
            if any(map(_is_from_replica, replies)):
                self._drop(link)
            return replies
        except DISCONNECTED as error:
            reason = link.lost or error
            self._drop(link)
            raise explain(reason, self.server.url) from reason
        except BaseException:
            self._drop(link)
            raise
        finally:
            patience.cancel()

    async def run(
        self, script: Script, keys: Sequence[Word], arguments: Sequence[Word] = ()
    ) -> Any:
        """Run a script and return what it returns; raises as `execute` does."""
        try:
            return await self.execute(b"EVALSHA", script.digest, len(keys), *keys, *arguments)
        except Refused as error:
            if kind_of(error) != "NOSCRIPT":
                raise
        return await self.execute(b"EVAL", script.text, len(keys), *keys, *arguments)

    async def aclose(self) -> None:
        """Close the connection; what is being waited for ends with an `OperationalError`."""
        self._close()
        if self._watch is not None:
            await self._watch.aclose()

    def _drop(self, link: Link) -> None:
        link.abort(ConnectionError("given up"))
        if self._link is link:
            self._link = None

    def _close(self) -> None:
        self._closed = True
        if self._link is not None:
            self._link.close()
            self._link = None


def _is_from_replica(reply: object) -> bool:
    """The server has become one; the next connection may lead to who has taken its place."""
    return isinstance(reply, Refused) and kind_of(reply) == "READONLY"


class _Patience:
    """Ends a link on which nothing comes while an answer is due."""

    __slots__ = ("_alarm", "_begin", "_due", "_link", "_loop")

    def __init__(self, link: Link, block: float) -> None:
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._begin = self._loop.time() + block
        self._due = self._begin + GRACE
        self._alarm = Alarm(self._loop, self._look)
        self._alarm.set(self._due)

    def cancel(self) -> None:
        """The answer is there, or not waited for any more."""
        self._alarm.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        due = max(self._link.heard, self._begin) + GRACE
        if now >= due or now - self._due > STANDSTILL:
            self._link.abort(SilentError(f"no answer for {GRACE:g} s"))
        else:
            self._due = due
            self._alarm.set(due)
