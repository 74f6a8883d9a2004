"""Ends runs that must end: those over their time limit, and those revoked while they run.

A coroutine is cancelled. A thread can't be: nobody waits for it any more, and another takes its
place in the pool. A process is killed. A coroutine that swallows its cancellation is given up after
a while: what it was to end with is settled, its slot goes to another, and it is counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from asynq.exceptions import TimeLimitExceeded
from asynq.execution.outcome import Failed, Revoked
from asynq.execution.run import failed
from asynq.worker.diagnostics import stack_of
from asynq.worker.state import Run, WorkerState

logger = logging.getLogger("asynq.worker")

STUCK_SECONDS = 3.0
"""How long a cancelled run has to end."""


class Limits:
    """Watches the runs of one worker.

    Args:
        state: The worker's.
        give_up: Called with a run that would not end; settles it as it was to end.
    """

    def __init__(self, state: WorkerState, give_up: Callable[[Run], None]) -> None:
        self._state = state
        self._give_up = give_up

    def watch(self, run: Run) -> None:
        """Let its time begin, if it has a limit; again from now, if it had begun."""
        self.relax(run)
        seconds = run.request.timelimit[0]
        if seconds is not None:
            loop = asyncio.get_running_loop()
            run.timer = loop.call_later(seconds, self._over, run, seconds)

    def relax(self, run: Run) -> None:
        """Its time does not count, or not any more."""
        if run.timer is not None:
            run.timer.cancel()
            run.timer = None

    def end(self, run: Run, outcome: Failed | Revoked) -> None:
        """Cancel a run, which has ended so; if it does not end soon, give it up."""
        run.end(outcome)
        if run.task.pool == "thread" and run.entered:
            logger.warning(
                "Task %s goes on in its thread, which can't be stopped; nobody waits for it any "
                "more, and another thread takes its place",
                run.label,
            )
        asyncio.get_running_loop().call_later(STUCK_SECONDS, self._look, run)

    def _over(self, run: Run, seconds: float) -> None:
        error = TimeLimitExceeded(f"{run.label} ran longer than its time_limit of {seconds:g} s")
        self.end(run, failed(run.task, error))

    def _look(self, run: Run) -> None:
        if self._state.active.get(run.delivery) is not run or run.handle is None:
            return
        logger.error(
            "Task %s ignores its cancellation; it is left behind, and its slot given to another. "
            "It is here:\n%s",
            run.label,
            stack_of(run.handle),
        )
        self._state.stuck.add(run)
        run.handle.add_done_callback(lambda _: self._state.stuck.discard(run))
        self._give_up(run)
