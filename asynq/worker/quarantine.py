"""Where a message runs that may be the reason why workers die: alone, so that it dies alone.

A task that kills its process takes a hundred innocent neighbours with it, and all of them come
back. Counting redeliveries would bury those too. So from the second time on that its worker
vanished, a message runs in a fresh child process, by itself, while this process keeps its lease. If
the child dies, that is proof, and the message is buried; an innocent just runs.

A task that no other process can be handed (a function inside a function) runs here when nothing
else does. What waits for another task meanwhile must get it: while something does, all may begin.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from asynq.canvas.own import MOVING_ON
from asynq.exceptions import EncodeError
from asynq.execution.outcome import Failed, Interrupted, Outcome
from asynq.execution.pools import Pools
from asynq.execution.processes import run_alone
from asynq.execution.run import conclude, run
from asynq.request import lend
from asynq.worker.limits import Limits
from asynq.worker.state import Run, WorkerState

logger = logging.getLogger("asynq.worker")

SUSPECT_AFTER = 2
"""How many workers must have vanished with a message before it runs alone."""

AT_ONCE = 2
"""How many quarantined messages run at a time, each in its child."""

LOOK_SECONDS = 0.5
"""How often a run that waits to be the only one looks whether others wait for tasks."""


PATIENCE = 60.0
"""Seconds that others are kept from beginning, for one that must be the only one."""

AGAIN_AFTER = 30.0
"""Seconds before one that found no such moment tries again."""


class Quarantine:
    """Runs suspects of one worker.

    Args:
        state: The worker's.
        opened: Called when others may begin again.
        limits: Count the time of runs.
    """

    def __init__(self, state: WorkerState, opened: Callable[[], None], limits: Limits) -> None:
        self._state = state
        self._opened = opened
        self._limits = limits
        self._turn = asyncio.Lock()
        self._alone: Run | None = None
        self.places = asyncio.Semaphore(AT_ONCE)
        """To be held while a suspect runs: its time begins when there is room for it."""

    def concerns(self, suspect: Run) -> bool:
        """Must it run here? Not what is acknowledged before it runs: that never comes back. Nor
        what moves workflows on: it kills nobody, and no other process can be handed it."""
        if suspect.delivery.redeliveries < SUSPECT_AFTER or not suspect.task.terms.acks_late:
            return False
        return suspect.task.name not in MOVING_ON

    async def run(self, suspect: Run, pools: Pools) -> Outcome:
        """Run it apart from all others."""
        logger.warning(
            "Task %s runs alone: %d workers vanished while they ran it",
            suspect.label,
            suspect.delivery.redeliveries,
        )
        self._state.apart.add(suspect)
        try:
            return await self._run_in_child(suspect, pools)
        except EncodeError:
            return await self._run_exclusively(suspect, pools)
        finally:
            self._state.apart.discard(suspect)

    async def _run_in_child(self, suspect: Run, pools: Pools) -> Outcome:
        request = suspect.request
        outcome = await run_alone(suspect.task, request, request.args, request.kwargs)
        if isinstance(outcome, Failed) and outcome.lost:
            suspect.guilty = True
            await conclude(suspect.task, request, outcome, pools)
        return outcome

    async def _run_exclusively(self, suspect: Run, pools: Pools) -> Outcome:
        request, state = suspect.request, self._state
        self._limits.relax(suspect)
        async with self._turn:
            try:
                try:
                    async with asyncio.timeout(PATIENCE):
                        await self._until_alone()
                except TimeoutError:
                    return Interrupted("others run for too long beside it", delay=AGAIN_AFTER)
                state.closed, self._alone = True, suspect
                if request.timelimit[0] is not None:
                    self._limits.watch(suspect)
                if lend.get() is not None:
                    lend.set(lambda: self._lent(suspect))
                return await run(suspect.task, request, request.args, request.kwargs, pools)
            finally:
                self._alone = None
                self._open()

    async def _until_alone(self) -> None:
        state = self._state
        while others := set(state.active.values()) - state.apart:
            state.left.clear()
            if any(other.slot.is_lent for other in others):
                self._open()
            else:
                state.closed = True
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await state.left.wait()

    def _open(self) -> None:
        self._state.closed = False
        self._opened()

    @contextmanager
    def _lent(self, suspect: Run) -> Iterator[None]:
        """The suspect itself waits for another task."""
        try:
            with suspect.slot.lend():
                if self._alone is suspect:
                    self._open()
                yield
        finally:
            if self._alone is suspect:
                self._state.closed = not suspect.slot.is_lent
