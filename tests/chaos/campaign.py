"""One long run under fire on one server: load, nemesis, drain, and the count at the end."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

from asynq import Asynq
from tests.chaos.checks import Checks, Tally
from tests.chaos.crew import Crew
from tests.chaos.fleet import LEASE, Fleet
from tests.chaos.load import Load
from tests.chaos.nemesis import PAUSES, Nemesis
from tests.proxy import Proxy
from tests.servers import PrivateServer

CONCURRENCY: Final = 10
"""Slots of one worker."""
GRACE: Final = 5.0
FOLLOW: Final = 0.5
"""Seconds between two looks at the server's trail."""
DRAIN: Final = 300.0
"""Seconds after the last fault in which everything must have ended: long, because what was taken
by three workers that died runs in children, two at a time, and the machine may be a slow one."""
FORGOTTEN: Final = max(4 * LEASE, 10.0) + 3 * LEASE + 5.0
"""Seconds after which a dead worker is no consumer any more."""


class Plan(NamedTuple):
    """What is to be done."""

    kind: str
    """Of the server."""
    seconds: float
    seed: int
    workers: int = 4
    rate: float = 25.0
    fsync: str = "always"
    only: Collection[str] | None = None
    """Kinds of tasks; None: all."""
    faults: Sequence[str] | None = None
    """Faults to choose from; None: all; empty: none."""
    pauses: tuple[float, float] = PAUSES
    """Seconds between two faults, from and to."""


class Outcome(NamedTuple):
    """What came of it."""

    plan: Plan
    label: str
    """The server."""
    tally: Tally
    struck: Counter[str]
    ends: Counter[int]
    """Exit codes of workers."""
    crashed: list[str]
    """Logs of workers that ended by themselves."""
    left: list[str]
    """Left behind on the server."""
    seconds: float
    drained_in: float

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        found = list(self.tally.faults)
        found += [f"left behind: {what}" for what in self.left]
        found += [f"a worker crashed: {log}" for log in self.crashed]
        return found


class Campaign:
    """Carries out a plan, in a directory of its own.

    Args:
        plan: What to do.
        directory: Where everything is written; short, and empty.
        say: Told how it goes.
    """

    def __init__(self, plan: Plan, directory: Path, say: Callable[[str], None] = print) -> None:
        self.plan = plan
        self.server = PrivateServer(
            plan.kind, directory / "server", durable=True, config={"appendfsync": plan.fsync}
        )
        self.fleet = Fleet(self.server, "chaos", directory)
        self.checks = Checks(self.fleet)
        self._directory = directory
        self._say = say

    async def run(self) -> Outcome:
        """Do it all; takes the plan's seconds and the time to drain."""
        began = time.monotonic()
        with self.server:
            try:
                async with AsyncExitStack() as stack:
                    return await self._run(stack, began)
            finally:
                self.fleet.close()

    async def _run(self, stack: AsyncExitStack, began: float) -> Outcome:
        plan = self.plan
        seeds = random.Random(plan.seed)
        wires = [
            await stack.enter_async_context(Proxy(self.server, self._directory, f"w{number}"))
            for number in range(plan.workers + 1)
        ]
        app = await stack.enter_async_context(
            Asynq("chaos", broker=wires[-1].url, task_default_queue="chaos")
        )
        crew = Crew(
            *(self.fleet, wires[:-1], random.Random(seeds.random())),
            *("-c", str(CONCURRENCY), "--grace", str(GRACE)),
        )
        load = Load(
            *(app, self.fleet.ledger, random.Random(seeds.random())),
            rate=plan.rate,
            only=plan.only,
        )
        nemesis = Nemesis(
            *(self.server, crew, wires, random.Random(seeds.random())),
            only=plan.faults,
            pauses=plan.pauses,
        )
        await crew.start()
        keeping = asyncio.ensure_future(crew.keep())
        following = asyncio.ensure_future(self._follow())
        try:
            quiet = plan.faults is not None and not plan.faults
            strikes = asyncio.sleep(0) if quiet else nemesis.run(plan.seconds)
            await asyncio.gather(load.run(plan.seconds), strikes)
            self._say("the last fault is over; waiting until everything has ended")
            drained_in = await self._drain()
            left = await self._settled_down()
        finally:
            for task in (keeping, following):
                task.cancel()
            await asyncio.wait([keeping, following])
        await crew.stop(within=GRACE + 10.0)
        return Outcome(
            plan=plan,
            label=self.server.label,
            tally=self.checks.tally(),
            struck=nemesis.struck,
            ends=crew.ends,
            crashed=[str(worker.output) for worker in crew.crashed],
            left=sorted({*left, *self.checks.left_behind()}),
            seconds=time.monotonic() - began,
            drained_in=drained_in,
        )

    async def _follow(self) -> None:
        while True:
            await asyncio.to_thread(self.checks.trail.follow)
            await asyncio.sleep(FOLLOW)

    async def _drain(self) -> float:
        """Wait until everything sent has ended; how long that took."""
        began = time.monotonic()
        await self._until(lambda: asyncio.to_thread(self.checks.is_drained), DRAIN)
        return time.monotonic() - began

    async def _settled_down(self) -> list[str]:
        """Wait until the server has forgotten who is dead; what it has not."""

        async def tidy() -> bool:
            return not await asyncio.to_thread(self.checks.left_behind)

        await self._until(tidy, FORGOTTEN)
        return self.checks.left_behind()

    async def _until(self, condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not await condition():
            await asyncio.sleep(0.5)
