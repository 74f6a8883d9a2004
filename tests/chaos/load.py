"""A steady mixed load: what a busy application sends, and a poison pill now and then."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Final

from asynq import Asynq
from asynq.exceptions import OperationalError
from asynq.wire.ids import new_id
from tests.chaos.canvases import Artist, Drawn, send
from tests.chaos.checks import POISON
from tests.chaos.fleet import LEASE
from tests.chaos.ledger import EARLY, Ledger
from tests.chaos.trail import want

SHARES: Final = {
    "quick": 40.0,
    "sleeping": 24.0,
    "threaded": 8.0,
    "in_child": 1.0,
    EARLY: 4.0,
    "delayed": 10.0,
    "retrying": 10.0,
    "long": 2.0,
    "revoked": 4.0,
    "terminated": 1.0,
    POISON: 0.4,
    "chain": 0.6,
    "chord": 0.1,
    "mixed": 5.0,
    "mortal": 0.12,
}
"""Kinds of tasks, and their shares."""

WORKFLOWS: Final = frozenset({"chain", "chord", "mixed", "mortal"})
"""Those kinds that are workflows: chains of 50, chords of 500, what is nested or fails, and what
kills two workers."""

DEADLY: Final = frozenset({POISON, "mortal"})
"""Kinds that kill workers."""

AT_ONCE: Final = 200
"""Calls under way; a sender that meets a dead server waits, as an application would."""

Call = tuple[str, tuple[object, ...], dict[str, object]]


class Load:
    """Sends, and notes what it has sent.

    Args:
        app: Sends by the tasks' names.
        ledger: Where it is noted.
        rng: Decides what comes next.
        rate: Tasks a second.
        only: Kinds to send; None: all.
    """

    def __init__(
        self,
        app: Asynq,
        ledger: Ledger,
        rng: random.Random,
        *,
        rate: float,
        only: Collection[str] | None = None,
    ) -> None:
        self._app = app
        self._ledger = ledger
        self._rng = rng
        self._artist = Artist(app, rng)
        self._rate = rate
        self._shares = {kind: share for kind, share in SHARES.items() if kind in (only or SHARES)}
        self._until = 0.0
        self._under_way = asyncio.Semaphore(AT_ONCE)
        self._calls: set[asyncio.Task[None]] = set()
        self.errors = 0
        """Calls that raised."""

    async def run(self, seconds: float) -> None:
        """Send for so long, and wait until every call has returned or raised."""
        loop = asyncio.get_running_loop()
        self._until = loop.time() + seconds
        kinds, weights = list(self._shares), list(self._shares.values())
        while loop.time() < self._until:
            await self._under_way.acquire()
            (kind,) = self._rng.choices(kinds, weights)
            self._begin(
                self._workflow(self._draw(kind))
                if kind in WORKFLOWS
                else self._one(kind, *self._call(kind))
            )
            await asyncio.sleep(self._rng.expovariate(self._rate))
        while self._calls:
            await asyncio.wait(self._calls)

    def stop(self) -> None:
        """Send nothing more."""
        self._until = 0.0

    def _begin(self, work: Awaitable[None]) -> None:
        call = asyncio.ensure_future(work)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        call.add_done_callback(lambda _: self._under_way.release())

    def _call(self, kind: str) -> Call:
        number = self._rng.uniform
        match kind:
            case "sleeping" | "threaded" | "in_child" | "early":
                return kind, (round(number(0.02, 0.8), 3),), {}
            case "delayed":
                return "sleeping", (0.05,), {"countdown": round(number(0.1, 5.0), 2)}
            case "retrying":
                countdown = self._rng.choice([0.0, 0.2, 1.0])
                return kind, (self._rng.randint(1, 4), countdown), {}
            case "long":
                return "sleeping", (round(number(1.5, 3.0) * LEASE, 2),), {}
            case "revoked":
                return "sleeping", (0.1,), {"countdown": round(number(3.0, 6.0), 2)}
            case "terminated":
                return "sleeping", (10.0,), {}
            case "poison":
                return "deadly", (self._rng.choice(["kill", "exit", "abort", "segv"]),), {}
        return "quick", (), {}

    def _draw(self, kind: str) -> Drawn:
        match kind:
            case "chain":
                return self._artist.chain()
            case "chord":
                return self._artist.chord()
            case "mortal":
                return self._artist.mortal()
        return self._artist.any_mixed()

    async def _workflow(self, drawn: Drawn) -> None:
        try:
            flight = await send(self._app, self._ledger, drawn)
        except OperationalError:
            self.errors += 1
            return
        for id in flight.roles.get("revocable", ()):
            await self._insist(partial(self._app.control.revoke, id))
            self._ledger.note("R", id)

    async def _one(
        self, kind: str, task: str, arguments: tuple[object, ...], options: dict[str, object]
    ) -> None:
        id = new_id()
        name = f"tests.chaos.tasks.{task}"
        want(self._app)
        try:
            await self._app.send_task(name, arguments, task_id=id, **options)  # type: ignore[arg-type]
        except OperationalError:
            self.errors += 1
            self._ledger.note("U", id, kind)
            return
        self._ledger.note("P", id, kind)
        if kind == "revoked":
            await self._insist(lambda: self._app.control.revoke(id))
            self._ledger.note("R", id)
        elif kind == "terminated":
            await asyncio.sleep(0.5)
            await self._insist(lambda: self._app.control.revoke(id, terminate=True))

    async def _insist(self, call: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await call()
            except OperationalError:
                self.errors += 1
            else:
                return
