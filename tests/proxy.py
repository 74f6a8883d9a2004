"""A wire between a client and a server that a test can cut, stall, or make lose replies."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from types import TracebackType

from tests.servers import PrivateServer


class Proxy:
    """Listens on a Unix socket of its own and passes everything on, until told otherwise."""

    def __init__(self, server: PrivateServer, directory: Path) -> None:
        self._target = server.socket_path
        self._path = str(directory / "proxy.sock")
        self.url = f"unix://{self._path}"
        self.connections = 0
        """How many were ever made."""
        self.swallowed = 0
        """How many replies were lost."""
        self._passing = asyncio.Event()
        self._passing.set()
        self._marker: bytes | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Proxy:
        self._listener = await asyncio.start_unix_server(self._accept, self._path)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self) -> None:
        """Close every connection."""
        for writer in [*self._writers]:
            writer.transport.abort()

    def stall(self) -> None:
        """Pass nothing on, either way, and say nothing about it."""
        self._passing.clear()

    def resume(self) -> None:
        """End a `stall()`."""
        self._passing.set()

    def swallow(self, marker: bytes) -> None:
        """Let the next request that contains the marker through, and cut instead of replying."""
        self._marker = marker

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._tasks.add(task := asyncio.current_task())  # type: ignore[arg-type]
        there: list[asyncio.StreamWriter] = [writer]
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self._target)
            there.append(far_writer)
            self._writers.add(far_writer)
            doomed = asyncio.Event()
            out = asyncio.ensure_future(self._requests(reader, far_writer, doomed))
            back = asyncio.ensure_future(self._replies(far_reader, writer, doomed))
            await asyncio.wait([out, back], return_when=asyncio.FIRST_COMPLETED)
            out.cancel()
            back.cancel()
            await asyncio.wait([out, back])
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in there:
                self._writers.discard(end)
                end.transport.abort()
            self._tasks.discard(task)  # type: ignore[arg-type]

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 20):
                await self._passing.wait()
                if self._marker is not None and self._marker in data:
                    self._marker = None
                    doomed.set()
                writer.write(data)

    async def _replies(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 20):
                await self._passing.wait()
                if doomed.is_set():
                    self.swallowed += 1
                    return
                writer.write(data)
