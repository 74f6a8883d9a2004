"""Is this worker well? For people who embed it, for probes over HTTP, and for `asynq ping --local`.

alive
    The event loop answers, the leases of what runs are kept, no agent has died. A server that is
    away does not make a worker ill: started anew, it would only drop what it runs.
ready
    Alive, the broker answers, and it is not stopping.

Nothing is done for it until somebody asks. Then, where the broker has not been heard of for a
moment, it is asked too, so the answer is about now.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from asynq._printable import printable
from asynq._time import monotonic
from asynq.exceptions import AsynqError, ImproperlyConfigured
from asynq.worker import local
from asynq.worker.heartbeat import Heartbeat
from asynq.worker.leases import Leases
from asynq.worker.state import WorkerState

logger = logging.getLogger("asynq.worker")

LOOPBACK: Final = "127.0.0.1"
REQUEST_SECONDS: Final = 5.0
"""How long somebody who asks may take to do so."""
REQUEST_BYTES: Final = 8192
PATHS: Final = {"/healthz": "alive", "/readyz": "ready", "/probe": "probe"}


class HealthReport(Struct, frozen=True, kw_only=True):
    """How a worker is."""

    alive: bool
    ready: bool
    problems: tuple[str, ...]
    """What is wrong, in words; empty where it is alive and ready."""
    hostname: str
    pid: int
    uptime: float
    """Seconds."""
    active: int
    """Tasks that run."""
    stuck: int
    """Runs that were given up and go on all the same, on the event loop and in threads."""
    reserved: int
    processed: int


class Health:
    """A worker's health. Asked at any time, also before it has begun and after it has ended."""

    def __init__(self, state: WorkerState, stopping: asyncio.Event) -> None:
        self._state = state
        self._stopping = stopping
        self._leases: Leases | None = None
        self._heartbeat: Heartbeat | None = None
        self._stuck: Callable[[], int] = lambda: 0
        self._ended = False

    def begin(self, leases: Leases, heartbeat: Heartbeat, stuck: Callable[[], int]) -> None:
        """The worker's agents are made; `stuck` counts the runs that go on unwanted."""
        self._leases, self._heartbeat, self._stuck = leases, heartbeat, stuck

    def end(self) -> None:
        """The worker has ended."""
        self._ended = True

    async def look(self) -> HealthReport:
        """How it is now; takes at most half a second, when the broker does not answer."""
        if self._heartbeat is not None and not self._ended:
            await self._heartbeat.check()
        return self.report()

    def report(self) -> HealthReport:
        """How it is, as far as is known without asking the broker."""
        ill, unready = self._ill(), self._unready()
        state = self._state
        return HealthReport(
            alive=not ill,
            ready=not ill and not unready,
            problems=(*ill, *unready),
            hostname=state.hostname,
            pid=os.getpid(),
            uptime=round(monotonic() - state.began, 3),
            active=len(state.active),
            stuck=self._stuck(),
            reserved=len(state.reserved),
            processed=state.totals.total(),
        )

    def _ill(self) -> tuple[str, ...]:
        if self._ended:
            return ("it has ended",)
        leases, heartbeat = self._leases, self._heartbeat
        if leases is None or heartbeat is None:
            return ()
        if not leases.running():
            return ("the thread that keeps its leases has died",)
        if not leases.trusted() and not heartbeat.away:
            return ("its leases could not be renewed, though the broker answers",)
        return ()

    def _unready(self) -> tuple[str, ...]:
        if self._heartbeat is None:
            return ("it has not begun",)
        found = []
        if self._stopping.is_set():
            found.append("it is stopping")
        if not self._state.reached.is_set():
            found.append("the broker has not answered yet")
        elif self._heartbeat.away:
            found.append("the broker does not answer")
        return tuple(found)


def line_of(report: HealthReport) -> str:
    """How a worker is in a word, and in a line for people."""
    state = "ready" if report.ready else "alive" if report.alive else "ill"
    why = f" ({'; '.join(report.problems)})" if report.problems else ""
    return f"{state} {printable(f'{report.hostname}: {state}{why}, {report.active} running')}"


async def serve(health: Health, *, host: str, port: int | None, socket: local.Place | None) -> None:
    """Answer who asks, until cancelled. Returns at once where there is nowhere to ask.

    Args:
        health: Whose.
        host: The address to listen at; everybody who reaches it may ask.
        port: The port; None: no HTTP.
        socket: Where `asynq ping --local` asks; None: nowhere.

    Raises:
        ImproperlyConfigured: the port can't be had.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.LimitOverrunError, EOFError):
                async with asyncio.timeout(REQUEST_SECONDS):
                    writer.write(await _answer(reader, health))
                    await writer.drain()
        finally:
            writer.close()

    listeners: list[asyncio.Server] = []
    if port is not None:
        try:
            server = await asyncio.start_server(talk, host, port, limit=REQUEST_BYTES)
        except (OSError, OverflowError) as error:
            raise ImproperlyConfigured(f"health_port {host}:{port}: {error}") from None
        listeners.append(server)
    if socket is not None:
        try:
            path = socket.make()
            listeners.append(await asyncio.start_unix_server(talk, path, limit=REQUEST_BYTES))
        except (OSError, AsynqError) as error:
            logger.info("`asynq ping --local` can't ask this worker: %s", error)
    try:
        if listeners:
            await asyncio.Event().wait()
    finally:
        for listener in listeners:
            listener.close()
        if socket is not None:
            socket.remove()


async def _answer(reader: asyncio.StreamReader, health: Health) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    method, path, _ = (*head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2), "", "", "")[:3]
    asked = PATHS.get(path.partition("?")[0])
    if asked is None:
        return _response("404 Not Found", b'{"error":"only /healthz and /readyz"}')
    if method not in ("GET", "HEAD"):
        return _response("405 Method Not Allowed", b'{"error":"only GET"}')
    report = await health.look()
    body = line_of(report).encode() if asked == "probe" else msgspec.json.encode(report)
    asked = "alive" if asked == "probe" else asked
    status = "200 OK" if getattr(report, asked) else "503 Service Unavailable"
    return _response(status, body, silent=method == "HEAD")


def _response(status: str, body: bytes, *, silent: bool = False) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if silent else body)
