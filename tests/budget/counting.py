"""Meters that count what is the same on every machine: calls, commands, bytes, asyncio tasks."""

from __future__ import annotations

import asyncio
import cProfile
import re
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvloop

from benchmarks.profile.functions import calls_of
from benchmarks.profile.scenes import Meter, Scene
from tests.servers import PrivateServer

LINE = re.compile(rb"\+(?P<time>[\d.]+) \[\d+ (?P<source>[^\]]*)\] \"(?P<command>[^\"]*)\"")


@dataclass
class Calls:
    """Functions called in the loop's thread, Python's and C's; a coroutine that goes on counts as
    called again."""

    profiler: cProfile.Profile = field(default_factory=cProfile.Profile)

    def begin(self) -> None:
        self.profiler.enable()

    def end(self) -> None:
        self.profiler.disable()

    @property
    def count(self) -> int:
        return calls_of(self.profiler)


@dataclass
class Tasks:
    """Asyncio tasks that are made on the loop."""

    count: int = 0

    def begin(self) -> None:
        asyncio.get_running_loop().set_task_factory(self._make)

    def end(self) -> None:
        asyncio.get_running_loop().set_task_factory(None)

    def _make(self, loop: asyncio.AbstractEventLoop, work: Any, **how: Any) -> asyncio.Task[Any]:
        self.count += 1
        return asyncio.Task(work, loop=loop, **how)


@dataclass
class Sent:
    """Commands that clients send, as the server sees them; not what scripts execute."""

    server: PrivateServer
    commands: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        self._mark = secrets.token_hex(8)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(self.server.socket_path)
        self._socket.sendall(b"MONITOR\r\n")
        self._socket.recv(5)  # +OK: from here on it is told everything

    def end(self) -> None:
        self.server.command("ECHO", self._mark)
        with self._socket, self._socket.makefile("rb") as lines:
            for line in lines:
                if self._mark.encode() in line:
                    return
                if name := sent_by_a_client(line):
                    self.commands[name] += 1


@dataclass
class Wire:
    """Bytes that the server received and sent."""

    server: PrivateServer
    received: int = 0
    sent: int = 0

    def begin(self) -> None:
        received, sent = self._look()
        self.received, self.sent = -received, -sent

    def end(self) -> None:
        received, sent = self._look()
        self.received += received
        self.sent += sent

    def _look(self) -> tuple[int, int]:
        text = self.server.command("INFO", "stats")
        return number(text, "total_net_input_bytes"), number(text, "total_net_output_bytes")


@dataclass
class Together:
    """Several meters at once, the last of them innermost."""

    meters: Sequence[Meter]

    def begin(self) -> None:
        for meter in self.meters:
            meter.begin()

    def end(self) -> None:
        for meter in reversed(self.meters):
            meter.end()


@dataclass(frozen=True)
class Counted:
    """What was counted in one scene, for each of its tasks."""

    calls: float
    """Of functions."""
    commands: dict[str, float]
    """Sent by clients."""
    bytes_in: float
    """To the server."""
    bytes_out: float
    asyncio_tasks: float


def count(scene: Scene, server: PrivateServer, tasks: int) -> Counted:
    """Play the scene twice: what MONITOR is told of would be bytes, a task's maker is a call."""
    sent, calls = Sent(server), Calls()
    wire, made = Wire(server), Tasks()
    for meters in ((sent, calls), (wire, made)):
        server.command("FLUSHALL")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(scene.play(server.url, tasks, Together(meters)))
    return Counted(
        calls=calls.count / tasks,
        commands={name: many / tasks for name, many in sent.commands.items()},
        bytes_in=wire.received / tasks,
        bytes_out=wire.sent / tasks,
        asyncio_tasks=made.count / tasks,
    )


def number(info: bytes, name: str) -> int:
    """One figure of the reply to INFO."""
    found = re.search(rf"^{name}:(\d+)\r$".encode(), info, re.MULTILINE)
    assert found, f"INFO has no {name}"
    return int(found[1])


def sent_by_a_client(line: bytes) -> str | None:
    """The command in a line of MONITOR; None: a script's own, or none at all."""
    found = LINE.match(line)
    if not found or found["source"] == b"lua":
        return None
    return found["command"].decode().lower()


@asynccontextmanager
async def monitored(server: PrivateServer) -> AsyncIterator[AsyncIterator[tuple[float, str]]]:
    """What clients send from now on: the server's time in seconds, and the command."""
    reader, writer = await asyncio.open_unix_connection(server.socket_path, limit=2**24)
    writer.write(b"MONITOR\r\n")
    await reader.readline()

    async def lines() -> AsyncIterator[tuple[float, str]]:
        async for line in reader:
            found = LINE.match(line)
            if found and (name := sent_by_a_client(line)):
                yield float(found["time"]), name

    try:
        yield lines()
    finally:
        writer.close()
        await writer.wait_closed()
