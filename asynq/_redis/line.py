"""A connection for a thread, where an event loop would be in the way: words out, replies in.

`Link` is the same for an event loop. Neither sends anything again.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Any, Final

import hiredis

from asynq._redis.command import Word, pack
from asynq._redis.errors import Refused

_UNFINISHED: Final = object()
_CHUNK: Final = 64 * 1024


class Line:
    """A connection that has been made.

    Args:
        sock: Connected. It is closed with the line.
        timeout: Seconds that one read or write may take.
    """

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        sock.settimeout(timeout)
        self._socket = sock
        self._reader = hiredis.Reader(replyError=Refused, notEnoughData=_UNFINISHED)

    def ask_all(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        """Send several commands in one write and return their replies, `Refused` among them.

        Raises:
            One of `DISCONNECTED`: the connection is of no further use.
        """
        self._socket.sendall(b"".join(pack(tuple(command)) for command in commands))
        return [self._reply() for _ in commands]

    def ask(self, *command: Word) -> Any:
        """Send one command and return its reply.

        Raises:
            Refused: the reply is an error.
            One of `DISCONNECTED`: as in `ask_all`.
        """
        (reply,) = self.ask_all((command,))
        if isinstance(reply, Refused):
            raise reply
        return reply

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _reply(self) -> Any:
        while (reply := self._reader.gets()) is _UNFINISHED:
            data = self._socket.recv(_CHUNK)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._reader.feed(data)
        return reply


@contextlib.contextmanager
def closed_on_error(sock: socket.socket) -> Iterator[None]:
    """Close it where the block ends with an error."""
    try:
        yield
    except BaseException:
        sock.close()
        raise
