"""One app's cluster, kept up to date: its tasks and workers by their events, its queues by looking.

Run it beside whatever shows it::

    cluster = Cluster(app)
    following = asyncio.create_task(cluster.run())
    await cluster.loaded.wait()
    cluster.state.find(state="FAILURE", limit=20)
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from asynq._time import monotonic
from asynq.app import Asynq
from asynq.exceptions import OperationalError
from asynq.queues import QueueInfo

TASKS: Final = 100_000
"""Tasks of which the history is kept here."""
EVERY: Final = 2.0
"""Seconds between two looks at the queues."""
PAUSE: Final = 1.0
"""Seconds before the next try, while the server is away."""


class Cluster:
    """What is known of it.

    Args:
        app: Whose.
        tasks: Of how many tasks the history is kept here.
        every: Seconds between two looks at the queues.

    Attributes:
        state: Tasks and workers, as events tell of them, see `asynq.events.State`.
        queues: All queues, with `rate` over the time since the last look.
        paused_tasks: The names of those that are paused.
        alive: The nodes that live by their heartbeats on the server, whether they tell events or
            not.
        loaded: Set when what is kept of the past is known.
        problem: Why the server can't be asked now; None: it answers.
        answered: When it has answered last (monotonic, seconds): whoever asks tries for a while
            before there is a problem.
        changed: Counts up when something was learned.
    """

    def __init__(self, app: Asynq, *, tasks: int = TASKS, every: float = EVERY) -> None:
        self.app = app
        self.state = app.events.State(max_tasks_in_memory=tasks)
        self.queues: Sequence[QueueInfo] = ()
        self.paused_tasks: frozenset[str] = frozenset()
        self.alive: Sequence[str] = ()
        self.loaded = asyncio.Event()
        self.problem: str | None = None
        self.answered = monotonic()
        self.changed = 0
        self._every = every
        self._look_now = asyncio.Event()
        self._gone: Mapping[str, int] = {}
        self._looked = 0.0

    async def run(self) -> None:
        """Follow it until cancelled; a server that is away is waited for."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="asynq-monitor-events")
            group.create_task(self._watch(), name="asynq-monitor-queues")

    def look(self) -> None:
        """Look at the queues now, rather than when it is time."""
        self._look_now.set()

    @property
    def events_are_told(self) -> bool:
        """Has any worker told events lately? Else its tasks can't be seen."""
        return any(worker.alive for worker in self.state.workers.values())

    async def _follow(self) -> None:
        while True:
            try:
                place = await self.app.events.load(self.state)
            except OperationalError as error:
                self.problem = str(error)
                await asyncio.sleep(PAUSE)
                self.state.clear(ready=False)
                continue
            self.problem = None
            self.loaded.set()
            await self.app.events.follow(self.state, place)

    async def _watch(self) -> None:
        while True:
            self._look_now.clear()
            try:
                await self._look()
            except OperationalError as error:
                self.problem = str(error)
            else:
                self.problem, self.answered = None, monotonic()
            self.changed += 1
            try:
                async with asyncio.timeout(self._every):
                    await self._look_now.wait()
            except TimeoutError:
                pass

    async def _look(self) -> None:
        queues, at = await self.app.queues.list(), monotonic()
        seconds = at - self._looked
        self.queues = [
            queue.with_rate((queue.gone - self._gone[queue.name]) / seconds)
            if queue.name in self._gone and seconds > 0
            else queue
            for queue in queues
        ]
        self._gone, self._looked = {queue.name: queue.gone for queue in queues}, at
        self.paused_tasks = await self.app.queues.paused_tasks()
        self.alive = sorted(await self.app.broker.workers())
