"""Whoever strikes: one fault after the other, chosen by a seed, for as long as the load lasts."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from asynq.brokers.redis.scripts import (
    ANNOUNCE,
    BEAT,
    ENQUEUE,
    FETCH,
    FIRST,
    LAUNCH,
    MOVE,
    OPEN,
    PENDING,
    REAP,
    RELEASE,
    REVOKE,
    REVOKED,
    SETTLE,
)
from tests.chaos.crew import Crew
from tests.chaos.fleet import LEASE
from tests.proxy import Proxy
from tests.servers import PrivateServer, ServerError

PAUSES: Final = (0.5, 1.2)
"""Seconds between two faults, from and to."""

SHARES: Final = {
    "kill -9 a worker": 5.0,
    "kill -9 a worker that settles": 1.0,
    "freeze a worker": 3.0,
    "stop a worker": 2.0,
    "kill -9 the server": 1.5,
    "pause the server": 1.0,
    "close connections": 3.0,
    "forget the scripts": 1.0,
    "cut a wire": 3.0,
    "swallow replies": 6.0,
    "half-open connections": 2.0,
    "stall a wire": 2.0,
    "slow a wire down": 2.0,
}
"""Faults, and their shares."""

MARKERS: Final[Sequence[bytes]] = (
    *2 * (b"XREADGROUP", FETCH.digest, SETTLE.digest, ENQUEUE.digest, LAUNCH.digest),
    *(BEAT.digest, FIRST.digest, MOVE.digest, ANNOUNCE.digest, OPEN.digest),
    *(PENDING.digest, REAP.digest, RELEASE.digest, REVOKE.digest, REVOKED.digest),
)
"""Requests whose replies are swallowed."""

CONNECTIONS: Final = (None, None, "fetch", "leases", "commands")


class Nemesis:
    """Strikes a crew, its server and its wires.

    Args:
        server: Is killed, paused, and told to drop connections.
        crew: Its workers are killed, frozen and stopped.
        wires: Theirs, and that of whoever sends.
        rng: Decides.
        only: Faults to choose from; None: all.
        pauses: Seconds between two faults, from and to.
    """

    def __init__(
        self,
        server: PrivateServer,
        crew: Crew,
        wires: Sequence[Proxy],
        rng: random.Random,
        *,
        only: Sequence[str] | None = None,
        pauses: tuple[float, float] = PAUSES,
    ) -> None:
        self._server = server
        self._crew = crew
        self._wires = wires
        self._rng = rng
        self._pauses = pauses
        self._shares = {name: SHARES[name] for name in only or SHARES}
        self._lasting: set[asyncio.Task[None]] = set()
        self._server_is_away = asyncio.Lock()
        self.struck: Counter[str] = Counter()
        """What was done, how often."""

    async def run(self, seconds: float) -> None:
        """Strike for so long; then everything is put right again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        names, weights = list(self._shares), list(self._shares.values())
        while loop.time() < until:
            (name,) = self._rng.choices(names, weights)
            fault = asyncio.ensure_future(self._fault(name))
            self._lasting.add(fault)
            fault.add_done_callback(self._lasting.discard)
            await asyncio.sleep(self._rng.uniform(*self._pauses))
        while self._lasting:
            await asyncio.wait(self._lasting)
        for wire in self._wires:
            wire.heal()
        try:
            await self._say("CLIENT", "UNPAUSE")
        except OSError:  # by a CLIENT KILL that a server which stood still heard only now
            await self._say("CLIENT", "UNPAUSE")

    async def _fault(self, name: str) -> None:
        strike: dict[str, Callable[[], Awaitable[bool]]] = {
            "kill -9 a worker": self._kill,
            "kill -9 a worker that settles": self._kill_settling,
            "freeze a worker": self._freeze,
            "stop a worker": self._stop,
            "kill -9 the server": self._kill_server,
            "pause the server": self._pause_server,
            "close connections": self._close,
            "forget the scripts": self._forget,
            "cut a wire": self._cut,
            "swallow replies": self._swallow,
            "half-open connections": self._half_open,
            "stall a wire": self._stall,
            "slow a wire down": self._slow_down,
        }
        with suppress(OSError, ServerError):  # struck by another fault at the same time
            if await strike[name]():
                self.struck[name] += 1

    async def _kill(self) -> bool:
        worker = self._crew.any(self._rng)
        if worker is not None:
            worker.signal(signal.SIGKILL)
        return worker is not None

    async def _kill_settling(self) -> bool:
        """Between the execution of a settlement and its reply."""
        worker = self._crew.any(self._rng)
        if worker is None:
            return False
        wire = self._crew.wire_of(worker)
        wire.swallow(SETTLE.digest, cut=False)
        with suppress(TimeoutError):
            await asyncio.wait_for(wire.lost.wait(), 2.0)
            worker.signal(signal.SIGKILL)
            return True
        return False

    async def _freeze(self) -> bool:
        worker = self._crew.any(self._rng)
        if worker is None or self._crew.frozen * 2 >= self._crew.size:
            return False
        worker.freeze()
        try:
            await asyncio.sleep(self._rng.uniform(0.5, 3.0) * LEASE)
        finally:
            worker.thaw()
        return True

    async def _stop(self) -> bool:
        worker = self._crew.any(self._rng)
        if worker is not None:
            self._crew.told_to_stop.add(worker.pid)
            worker.signal(signal.SIGTERM)
        return worker is not None

    async def _kill_server(self) -> bool:
        if self._server_is_away.locked():
            return False
        async with self._server_is_away:
            await asyncio.to_thread(self._server.kill)
            await asyncio.sleep(self._rng.uniform(0.0, 1.0))
            await asyncio.to_thread(self._server.start)
        return True

    async def _pause_server(self) -> bool:
        if self._server_is_away.locked():
            return False
        async with self._server_is_away:
            seconds = self._rng.uniform(0.3, 3.0) * LEASE
            self._server.pause()
            try:
                await asyncio.sleep(seconds)
            finally:
                self._server.resume()
        return True

    async def _close(self) -> bool:
        if self._rng.random() < 0.5:
            await self._say("CLIENT", "KILL", "TYPE", "normal")
            return True
        told = await self._say("CLIENT", "LIST")
        ids = [line.split()[0].removeprefix("id=") for line in told.decode().splitlines()]
        await self._say("CLIENT", "KILL", "ID", self._rng.choice(ids))
        return True

    async def _forget(self) -> bool:
        await self._say("SCRIPT", "FLUSH")
        return True

    async def _cut(self) -> bool:
        self._wire().cut(self._rng.choice(CONNECTIONS))
        return True

    async def _swallow(self) -> bool:
        wire = self._wire()
        before = wire.swallowed
        wire.swallow(self._rng.choice(MARKERS), cut=self._rng.random() < 0.8)
        await asyncio.sleep(2.0)
        return wire.swallowed > before

    async def _half_open(self) -> bool:
        wire = self._wire()
        wire.half_open(self._rng.choice(CONNECTIONS))
        if self._rng.random() < 0.5:  # else whoever uses them must find out
            await asyncio.sleep(self._rng.uniform(0.5, 2.0) * LEASE)
            wire.heal()
        return True

    async def _stall(self) -> bool:
        wire = self._wire()
        wire.stall(self._rng.choice(CONNECTIONS))
        await asyncio.sleep(self._rng.uniform(0.2, 3.0) * LEASE)
        wire.resume()
        return True

    async def _slow_down(self) -> bool:
        wire = self._wire()
        wire.slow_down(self._rng.uniform(0.005, 0.1), jitter=self._rng.uniform(0.0, 0.1))
        await asyncio.sleep(self._rng.uniform(1.0, 5.0))
        wire.slow_down()
        return True

    def _wire(self) -> Proxy:
        return self._rng.choice(self._wires)

    async def _say(self, *words: str) -> bytes:
        reply: bytes = await asyncio.to_thread(self._server.command, *words, timeout=2.0)
        return reply
