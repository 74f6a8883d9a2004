"""A number of workers that is kept: who dies, in whatever way, is followed by another."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from asynq.worker.shutdown import HARD_EXIT_CODE
from tests.chaos.fleet import ChaosWorker, Fleet
from tests.proxy import Proxy

LOOK: Final = 0.1
"""Seconds between two looks at who lives."""

AFTER: Final = (0.1, 0.6)
"""Seconds until who died is followed by another, from and to."""

KILLED: Final = frozenset({-9, -6, -11, 3})
"""Exit codes of workers that were killed: by us, or by a poison pill (`tasks._die`)."""


class Crew:
    """One worker a wire.

    Args:
        fleet: Starts them.
        wires: To the server; as many as there are workers.
        rng: Decides how soon who died is replaced.
        arguments: Of `asynq worker`.
    """

    def __init__(
        self, fleet: Fleet, wires: Sequence[Proxy], rng: random.Random, *arguments: str
    ) -> None:
        self.fleet = fleet
        self.size = len(wires)
        self._wires = wires
        self._rng = rng
        self._arguments = arguments
        self.members: list[ChaosWorker] = []
        self.told_to_stop: set[int] = set()
        """Process ids of workers that were sent SIGTERM."""
        self.ends: Counter[int] = Counter()
        """Exit codes."""
        self.crashed: list[ChaosWorker] = []
        """Ended by themselves, or badly when told to stop."""

    async def start(self) -> None:
        """Start them all, and wait until they take tasks."""
        self.members = [self._launch(place) for place in range(self.size)]
        for worker in self.members:
            await worker.ready()

    def any(self, rng: random.Random) -> ChaosWorker | None:
        """One that lives and is not frozen."""
        awake = [worker for worker in self.members if worker.alive and not worker.frozen]
        return rng.choice(awake) if awake else None

    def wire_of(self, worker: ChaosWorker) -> Proxy:
        """Its wire to the server."""
        return self._wires[self.members.index(worker)]

    @property
    def frozen(self) -> int:
        """How many stand still."""
        return sum(worker.alive and worker.frozen for worker in self.members)

    async def keep(self) -> None:
        """Replace who has died, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for place in range(self.size):
                group.create_task(self._keep(place))

    async def _keep(self, place: int) -> None:
        while True:
            worker = self.members[place]
            if worker.alive:
                await asyncio.sleep(LOOK)
                continue
            self._note_end(worker)
            await asyncio.sleep(self._rng.uniform(*AFTER))
            self.members[place] = self._launch(place)

    def _note_end(self, worker: ChaosWorker) -> None:
        code = worker.process.returncode
        self.ends[code] += 1
        # -15: it was told so before it had begun to listen for signals; the hard exit: thrice.
        stopped = worker.pid in self.told_to_stop and code in (0, -15, HARD_EXIT_CODE)
        if code not in KILLED and not stopped:
            self.crashed.append(worker)

    async def stop(self, *, within: float) -> list[int]:
        """SIGTERM for all; their exit codes."""
        living = [worker for worker in self.members if worker.alive]
        for worker in living:
            self.told_to_stop.add(worker.pid)
            worker.signal(15)
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while any(worker.alive for worker in living):
                    await asyncio.sleep(LOOK)
        for worker in living:
            if worker.alive:
                self.crashed.append(worker)
                worker.kill()
            else:
                self._note_end(worker)
        return [worker.process.returncode for worker in living]

    def _launch(self, place: int) -> ChaosWorker:
        return self.fleet.launch(*self._arguments, through=self._wires[place], level="WARNING")
