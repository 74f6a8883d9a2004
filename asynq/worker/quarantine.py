"""Where a message runs that may be the reason why workers die: alone, so that it dies alone.

A task that kills its process takes a hundred innocent neighbours with it, and all of them come
back. Counting redeliveries would bury those too. So from the second time on that its worker
vanished, a message runs in a fresh child process, by itself, while this process keeps its lease. If
the child dies, that is proof, and the message is buried; an innocent just runs.

A task that no other process can be handed (a function inside a function) runs here when nothing
else does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from asynq.exceptions import EncodeError
from asynq.execution.outcome import Failed, Outcome
from asynq.execution.processes import run_alone
from asynq.execution.run import Pools, run
from asynq.worker.state import Run, WorkerState

logger = logging.getLogger("asynq.worker")

SUSPECT_AFTER = 2
"""How many workers must have vanished with a message before it runs alone."""

AT_ONCE = 2
"""How many quarantined messages run at a time, each in its child."""


class Quarantine:
    """Runs suspects of one worker.

    Args:
        state: The worker's.
        opened: Called when others may begin again.
    """

    def __init__(self, state: WorkerState, opened: Callable[[], None]) -> None:
        self._state = state
        self._opened = opened
        self._places = asyncio.Semaphore(AT_ONCE)
        self._turn = asyncio.Lock()

    def concerns(self, suspect: Run) -> bool:
        """Must it run here?"""
        return suspect.delivery.redeliveries >= SUSPECT_AFTER and not suspect.acknowledged

    async def run(self, suspect: Run, pools: Pools) -> Outcome:
        """Run it apart from all others."""
        logger.warning(
            "Task %s runs alone: %d workers vanished while they ran it",
            suspect.label,
            suspect.delivery.redeliveries,
        )
        self._state.apart.add(suspect)
        try:
            return await self._run_in_child(suspect)
        except EncodeError:
            return await self._run_exclusively(suspect, pools)
        finally:
            self._state.apart.discard(suspect)

    async def _run_in_child(self, suspect: Run) -> Outcome:
        request = suspect.request
        async with self._places:
            outcome = await run_alone(suspect.task, request, request.args, request.kwargs)
        suspect.guilty = isinstance(outcome, Failed) and outcome.lost
        return outcome

    async def _run_exclusively(self, suspect: Run, pools: Pools) -> Outcome:
        request, state = suspect.request, self._state
        async with self._turn:
            state.closed = True
            try:
                while not state.apart.issuperset(state.active.values()):
                    state.left.clear()
                    await state.left.wait()
                return await run(suspect.task, request, request.args, request.kwargs, pools)
            finally:
                state.closed = False
                self._opened()
