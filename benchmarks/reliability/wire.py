"""A wire to the server, over TCP as every peer speaks it, that can lose the one reply."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType


class Wire:
    """Listens on a free port of 127.0.0.1 and passes everything on to the server's."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._marker: bytes | None = None
        self._on_lost: Callable[[], None] = lambda: None
        self._connections: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Wire:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._listener.sockets[0].getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    def lose_reply(self, marker: bytes, then: Callable[[], None]) -> None:
        """Pass the next request with the marker on, drop the server's reply to it, and call."""
        self._marker, self._on_lost = marker, then

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        ends = [writer]
        with contextlib.suppress(OSError, asyncio.CancelledError):
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            ends.append(back)
            doomed = asyncio.Event()
            ways = [
                asyncio.ensure_future(self._requests(reader, back, doomed)),
                asyncio.ensure_future(self._replies(there, writer, doomed)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.wait(ways)
        for end in ends:
            end.transport.abort()
        self._connections.discard(connection)

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 20):
                if self._marker is not None and self._marker in data:
                    self._marker = None
                    doomed.set()
                writer.write(data)

    async def _replies(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 20):
                if doomed.is_set():
                    self._on_lost()
                    return
                writer.write(data)
