"""A wire between a client and a server that a test can cut, stall, slow down, or make lose replies.

Every connection is told apart by what is asked on it (see `KINDS`), so that one kind alone can be
struck: the connection that fetches, or the one that renews leases.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Final

from asynq.brokers.redis.scripts import BEAT, FETCH
from tests.servers import PrivateServer

KINDS: Final = {
    b"XREADGROUP": "fetch",
    FETCH.digest: "fetch",
    BEAT.digest: "leases",
    b"XCLAIM": "leases",
    b"\r\nXREAD\r\n": "listen",
}
"""What a connection is for, by what is asked on it; the others carry ``commands``."""

CHUNK: Final = 1 << 20
TICK: Final = 0.001
"""Seconds that an event loop's timer may be early."""


class Wire:
    """One connection that passes through."""

    def __init__(self, near: asyncio.StreamWriter) -> None:
        self.kind = "commands"
        self.ends = [near]
        self.doomed = False
        """Its next replies are lost."""
        self.half_open = False
        """Nothing passes, either way, and nobody is told."""
        self.under_way: dict[bool, deque[tuple[float, bytes]]] = {True: deque(), False: deque()}
        """What has not arrived yet, where the wire is slow: out and back, and when it will."""

    def cut(self) -> None:
        """Close both ends."""
        for end in self.ends:
            end.transport.abort()


class Proxy:
    """Listens on a Unix socket of its own and passes everything on, until told otherwise.

    Args:
        server: Where to.
        directory: Where its socket is made.
        name: The socket's, where one directory has several.
    """

    def __init__(self, server: PrivateServer, directory: Path, name: str = "proxy") -> None:
        self._target = server.socket_path
        self._path = str(directory / f"{name}.sock")
        self.url = f"unix://{self._path}"
        self.connections = 0
        """How many were ever made."""
        self.swallowed = 0
        """How many replies were lost."""
        self.asked = asyncio.Event()
        """A request that `swallow` waited for has gone through."""
        self.lost = asyncio.Event()
        """Its reply has come, and was lost."""
        self._passing = asyncio.Event()
        self._passing.set()
        self._stalled: str | None = None
        self._marker: bytes | None = None
        self._times = self._pass_first = 0
        self._then_cut = True
        self._latency = self._jitter = self._bandwidth = 0.0
        self._wires: set[Wire] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

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
        self._closed = True
        self.cut()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def wires(self, kind: str | None = None) -> list[Wire]:
        """The open connections, of one kind or all."""
        return [wire for wire in self._wires if kind in (None, wire.kind)]

    def cut(self, kind: str | None = None) -> None:
        """Close every connection, or those of one kind."""
        for wire in self.wires(kind):
            wire.cut()

    def stall(self, kind: str | None = None) -> None:
        """Pass nothing on, either way, and say nothing about it; new connections too."""
        self._stalled = kind
        self._passing.clear()

    def resume(self) -> None:
        """End a `stall()`."""
        self._passing.set()

    def half_open(self, kind: str | None = None) -> None:
        """From now on what is sent on these connections vanishes. New ones are sound."""
        for wire in self.wires(kind):
            wire.half_open = True

    def swallow(self, marker: bytes, *, times: int = 1, after: int = 0, cut: bool = True) -> None:
        """Let the next request that contains the marker through, and lose its reply.

        Args:
            marker: A command's name, a script's digest.
            times: How many such requests, each on its own connection.
            after: How many such requests are answered before.
            cut: Close the connection then; else it stays open, and silent.
        """
        self._marker, self._times, self._then_cut = marker, times, cut
        self._pass_first = after
        self.asked.clear()
        self.lost.clear()

    def slow_down(
        self, latency: float = 0.0, *, jitter: float = 0.0, bandwidth: float = 0.0
    ) -> None:
        """Make the wire long: seconds each way, up to `jitter` more, and bytes a second."""
        self._latency, self._jitter, self._bandwidth = latency, jitter, bandwidth

    def heal(self) -> None:
        """End `stall`, `swallow` and `slow_down`, and close what is half open."""
        self._marker = None
        self.slow_down()
        self.resume()
        for wire in self.wires():
            if wire.half_open or wire.doomed:
                wire.cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:  # it came in the last moment, and nobody waits for this to end
            writer.close()
            return
        self.connections += 1
        self._tasks.add(task := asyncio.current_task())  # type: ignore[arg-type]
        wire = Wire(writer)
        self._wires.add(wire)
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self._target)
            wire.ends.append(far_writer)
            out = asyncio.ensure_future(self._requests(reader, far_writer, wire))
            back = asyncio.ensure_future(self._replies(far_reader, writer, wire))
            await asyncio.wait([out, back], return_when=asyncio.FIRST_COMPLETED)
            out.cancel()
            back.cancel()
            await asyncio.wait([out, back])
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._wires.discard(wire)
            wire.cut()
            self._tasks.discard(task)  # type: ignore[arg-type]

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if wire.kind == "commands":
                    wire.kind = next((KINDS[mark] for mark in KINDS if mark in data), wire.kind)
                await self._may_pass(wire)
                if self._marker is None or wire.doomed or self._marker not in data:
                    pass
                elif self._pass_first:
                    self._pass_first -= 1
                else:
                    self._times -= 1
                    self._marker = self._marker if self._times > 0 else None
                    wire.doomed = True
                    self.asked.set()
                self._pass_on(writer, data, wire, out=True)

    async def _replies(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._may_pass(wire)
                if wire.doomed:
                    self.swallowed += 1
                    self.lost.set()
                    if self._then_cut:
                        return
                    wire.half_open = True
                self._pass_on(writer, data, wire, out=False)

    async def _may_pass(self, wire: Wire) -> None:
        while not self._passing.is_set() and self._stalled in (None, wire.kind):
            await self._passing.wait()

    def _pass_on(self, writer: asyncio.StreamWriter, data: bytes, wire: Wire, *, out: bool) -> None:
        if wire.half_open:
            return
        under_way = wire.under_way[out]
        if not (self._latency or self._bandwidth or under_way):
            writer.write(data)
            return
        loop = asyncio.get_running_loop()
        arrives = loop.time() + self._latency + random.uniform(0.0, self._jitter)
        if under_way:
            arrives = max(arrives, under_way[-1][0])
        if self._bandwidth:
            arrives += len(data) / self._bandwidth
        under_way.append((arrives, data))
        if len(under_way) == 1:
            loop.call_at(arrives, _arrive, loop, writer, under_way)


def _arrive(
    loop: asyncio.AbstractEventLoop,
    writer: asyncio.StreamWriter,
    under_way: deque[tuple[float, bytes]],
) -> None:
    """In the order of the queue, whatever the timers do: bytes never overtake each other."""
    while under_way and under_way[0][0] <= loop.time() + TICK:
        _, data = under_way.popleft()
        if not writer.transport.is_closing():
            writer.write(data)
    if under_way:
        loop.call_at(under_way[0][0], _arrive, loop, writer, under_way)
