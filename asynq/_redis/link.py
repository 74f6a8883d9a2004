"""One connection: bytes out, replies in, in the order of the commands.

Thinner than redis-py's, because everything a producer or a worker does passes through here: no
stream reader, no coroutine and no timer a command. `Link` only carries; who sends again after a
loss, and when, is decided by `Pipeline`.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import sys
import termios
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast

import hiredis

from asynq._redis.command import pack
from asynq._redis.errors import CROWDED, CrowdedError, Refused

_UNFINISHED: Final = object()
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Waiter(Protocol):
    """Who gets a reply."""

    def answer(self, reply: Any) -> None:
        """The reply; an instance of `Refused` when it is an error."""


class Link(asyncio.Protocol):
    """A connection that has been made, until it is lost.

    Args:
        on_lost: Called once, with the link and the reason, when it is lost without `close()`.
    """

    def __init__(self) -> None:
        self.waiting: deque[Waiter] = deque()
        """Those whose command is on the wire, the oldest first."""
        self.heard = 0.0
        """When something last came, in the loop's time."""
        self.writable = True
        self.on_lost: Callable[[Link, BaseException], None] | None = None
        self.on_writable: Callable[[], None] | None = None
        self.lost: BaseException | None = None
        self._reader = hiredis.Reader(replyError=Refused, notEnoughData=_UNFINISHED)
        self._transport: asyncio.Transport | None = None
        self._written = 0
        self._taken = 0
        """Of what was written, so much had left us at the last look."""
        self._looked_at = 0
        """What had been written then."""
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes, waiters: Sequence[Waiter]) -> None:
        """Send packed commands; each of the waiters gets one reply."""
        if not self.waiting:
            self.heard = self._loop.time()
        self.waiting.extend(waiters)
        if self._transport is not None:
            self._written += len(data)
            self._transport.write(data)

    def look(self) -> None:
        """Take it for a sign of life when the other side has taken more of what was left to send.

        Else a large message on a slow line would look like a server that says nothing. What we
        wrote since the last look counts for nothing: a proxy whose server is gone takes all of it.
        """
        transport = self._transport
        if transport is None or self.lost is not None:
            return
        taken = self._written - transport.get_write_buffer_size() - _in_kernel(transport)
        if self._taken < taken and self._taken < self._looked_at:
            self.heard = self._loop.time()
        self._taken, self._looked_at = taken, self._written

    async def ask(self, *command: str | bytes | int) -> Any:
        """Send one command and return its reply; for the few words when a connection begins.

        Raises:
            Refused: the reply is an error.
            ConnectionError: the connection was lost.
        """
        if self.lost is not None:
            raise self.lost
        answer = _Answer(self._loop.create_future())
        self.write(pack(command), (answer,))
        try:
            return await answer.future
        finally:
            answer.future.cancel()

    async def ask_all(self, commands: Sequence[Sequence[str | bytes | int]]) -> list[Any]:
        """Send several commands in one write and return their replies, `Refused` among them.

        Raises:
            ConnectionError: the connection was lost.
        """
        if self.lost is not None:
            raise self.lost
        answers = [_Answer(self._loop.create_future()) for _ in commands]
        self.write(b"".join(pack(tuple(command)) for command in commands), answers)
        replies: list[Any] = []
        try:
            for answer in answers:
                try:
                    replies.append(await answer.future)
                except Refused as error:
                    replies.append(error)
        finally:
            for answer in answers:
                if not answer.future.cancel() and not answer.future.cancelled():
                    answer.future.exception()  # asyncio would complain that nobody asked for it
        return replies

    def abort(self, reason: BaseException) -> None:
        """Drop the connection at once, with whatever is still unsent, and tell `on_lost`."""
        if self.lost is None and self._transport is not None:
            _forget_unsent(self._transport)
            self._transport.abort()
        self._end(reason)

    def close(self) -> None:
        """Close the connection, quietly."""
        self.on_lost = None
        if self._transport is not None:
            self._transport.close()
        self._end(ConnectionError("closed"))

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self._transport = cast("asyncio.Transport", transport)
        self.heard = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """The server has said something: give each reply to who is next."""
        self.heard = self._loop.time()
        reader = self._reader
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _UNFINISHED:
                self.waiting.popleft().answer(reply)
        except hiredis.ProtocolError as error:
            self.abort(ConnectionError(f"not what a Redis server says: {error}"))
        except IndexError:  # an answer that nobody asked for
            if CROWDED in str(reply):
                self.abort(CrowdedError())
            else:
                self.abort(ConnectionError(f"not what a Redis server says: {reply!r:.100}"))

    def connection_lost(self, reason: Exception | None) -> None:
        """It is gone; None: the server has closed it."""
        self._end(reason or ConnectionError("the server closed the connection"))

    def pause_writing(self) -> None:
        """More is left to send than should be."""
        self.writable = False

    def resume_writing(self) -> None:
        """So much has gone out that there is room again: tell `on_writable`."""
        self.writable = True
        if self.on_writable is not None:
            self.on_writable()

    def _end(self, reason: BaseException) -> None:
        if self.lost is not None:
            return
        self.lost = reason
        self.writable = False
        if self.on_lost is not None:
            self.on_lost(self, reason)
        for waiter in self.waiting:
            if isinstance(waiter, _Answer) and not waiter.future.done():
                waiter.future.set_exception(ConnectionError(str(reason)))


def _in_kernel(transport: asyncio.Transport) -> int:
    """Bytes that wait in the kernel: not sent, or not taken by the other side."""
    sock = transport.get_extra_info("socket")
    try:
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except (OSError, AttributeError, ValueError):
        return 0
    return int.from_bytes(answer, sys.byteorder)


def _forget_unsent(transport: asyncio.Transport) -> None:
    """Else the kernel goes on trying to deliver what we shall send again elsewhere."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):  # closed already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


class _Answer:
    __slots__ = ("future",)

    def __init__(self, future: asyncio.Future[Any]) -> None:
        self.future = future

    def answer(self, reply: Any) -> None:
        if self.future.done():
            return
        if isinstance(reply, Refused):
            self.future.set_exception(reply)
        else:
            self.future.set_result(reply)
