"""How runs end when the worker stops: by themselves within the grace period, or cancelled."""

from __future__ import annotations

import asyncio
import logging

from asynq.worker.shutdown import Shutdown
from asynq.worker.state import WorkerState

logger = logging.getLogger("asynq.worker")

COLD_SECONDS = 3.0
"""How long cancelled tasks have for their `finally`."""


class Ending:
    """Ends the runs of a worker.

    Args:
        state: What runs.
        shutdown: The stage of stopping.
        grace: Seconds that runs have to end by themselves.
    """

    def __init__(self, state: WorkerState, shutdown: Shutdown, *, grace: float) -> None:
        self._state = state
        self._shutdown = shutdown
        self._grace = grace

    async def end(self) -> None:
        """Let runs end within the grace period, then cancel those that still run."""
        await self._let_end(self._grace)
        if not self._state.active:
            return
        self._shutdown.cold.set()
        logger.warning("Cancelling %d tasks that still run", len(self._state.active))
        for active in list(self._state.active.values()):
            active.interrupt("the worker stops")
        await self._let_end(COLD_SECONDS, cold_too=True)

    async def abandon(self) -> None:
        """What still runs now is not ours any more: an agent crashed, or it can't be cancelled."""
        for active in list(self._state.active.values()):
            active.interrupt("the worker has ended", lost=True)
        if self._state.active and not self._shutdown.cold.is_set():
            await self._let_end(COLD_SECONDS, cold_too=True)
        for active in self._state.active.values():
            logger.error("%s ignores its cancellation; it is left behind", active.label)

    async def _let_end(self, seconds: float, *, cold_too: bool = False) -> None:
        handles = {active.handle for active in self._state.active.values() if active.handle}
        if not handles:
            return
        ended = asyncio.create_task(_all_done(handles))
        cold = asyncio.create_task(self._shutdown.cold.wait())
        await asyncio.wait(
            {ended} if cold_too else {ended, cold},
            timeout=seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        ended.cancel()
        cold.cancel()


async def _all_done(handles: set[asyncio.Task[None]]) -> None:
    await asyncio.wait(handles)
