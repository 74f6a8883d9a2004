"""One delivery, from bytes to settled: admitted, run, and its outcome handed to the settlement.

A run is one asyncio task, kept in `WorkerState.active`; a task group would cost twice as much and
cancel neighbours when one of them fails, which is just what must not happen here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from asynq._time import monotonic
from asynq.brokers.base import Delivery
from asynq.exceptions import TaskError
from asynq.execution.outcome import Failed, Interrupted, Outcome, Success
from asynq.execution.run import Pools, failed, run
from asynq.request import lend
from asynq.worker.admission import Admission, Refusal
from asynq.worker.settlement import Settlements
from asynq.worker.showing import shown
from asynq.worker.slots import Slot
from asynq.worker.state import Run, WorkerState

logger = logging.getLogger("asynq.worker")
task_logger = logging.getLogger("asynq.worker.tasks")

SHOWN = 200
"""Bytes of a result or an error that a log line shows."""

TOLD_AGAIN = 60.0
"""Seconds after which a task that is still unknown is spoken of again."""


class Processor:
    """Starts deliveries and sees them through."""

    def __init__(
        self,
        admission: Admission,
        settlements: Settlements,
        state: WorkerState,
        pools: Pools,
    ) -> None:
        self._admission = admission
        self._settlements = settlements
        self._state = state
        self._pools = pools
        self._told: dict[str, float] = {}

    def start(self, delivery: Delivery, slot: Slot) -> None:
        """Begin to run the delivery in that slot; returns at once."""
        admitted = self._admission.admit(delivery)
        if isinstance(admitted, Refusal):
            self._refuse(admitted)
            slot.free()
            return
        self._state.active[delivery] = admitted
        self._state.totals[admitted.message.task] += 1
        if task_logger.isEnabledFor(logging.INFO):
            task_logger.info("Task %s received", admitted.label)
        self._settlements.started(admitted)
        admitted.handle = asyncio.create_task(self._run(admitted, slot))

    def lost(self, deliveries: Sequence[Delivery]) -> None:
        """These are no longer ours: another worker runs them, so stop running them here."""
        for delivery in deliveries:
            active = self._state.active.get(delivery)
            if active is not None:
                logger.warning("Lost the lease of %s: stopping it, it runs elsewhere", active.label)
                active.interrupt("its lease was lost", lost=True)
            elif delivery in self._state.reserved:
                self._state.reserved.remove(delivery)

    def _refuse(self, refusal: Refusal) -> None:
        level = logging.ERROR
        if not refusal.final:
            level = logging.WARNING if self._is_news(refusal) else logging.DEBUG
        logger.log(level, "Task %s refused: %s", refusal.delivery.id, refusal.error)
        self._settlements.refused(refusal)

    def _is_news(self, refusal: Refusal) -> bool:
        """Was the task not refused a moment ago? A backlog of one must not flood the log."""
        name = refusal.message.task if refusal.message is not None else ""
        now = monotonic()
        if now - self._told.get(name, -TOLD_AGAIN) < TOLD_AGAIN:
            return False
        if len(self._told) >= 1000:  # names come from messages, so from anybody
            self._told.clear()
        self._told[name] = now
        return True

    async def _run(self, admitted: Run, slot: Slot) -> None:
        if admitted.task.pool == "loop":
            # A `def` task waits in its thread, where the slot must not be touched.
            lend.set(slot.lend)
        admitted.begun = True
        try:
            outcome = admitted.interrupted or await self._outcome(admitted)
        finally:
            del self._state.active[admitted.delivery]
            slot.free()
        outcome = self._settlements.ended(admitted, _decisive(admitted, outcome))
        _log(admitted, outcome)

    async def _outcome(self, admitted: Run) -> Outcome:
        task, request = admitted.task, admitted.request
        try:
            args, kwargs = task.parameters.decode(admitted.message)
        except Exception as error:
            return failed(task, error)
        request.args, request.kwargs = args, kwargs
        self._settlements.called(admitted)
        try:
            return await run(task, request, args, kwargs, self._pools)
        except asyncio.CancelledError:
            if admitted.interrupted is not None:
                return admitted.interrupted
            return failed(task, TaskError(f"{admitted.label} cancelled itself"))


def _decisive(admitted: Run, outcome: Outcome) -> Outcome:
    """What counts, where a run was interrupted and ended in its own way all the same.

    Cutting it off is what made it fail: an error in its `finally`, a library that turns the
    cancellation into an error of its own. What it returned counts, as long as it is ours.
    """
    cut_off = admitted.interrupted
    if cut_off is not None and (cut_off.lost or isinstance(outcome, Failed)):
        return cut_off
    return outcome


def _log(admitted: Run, outcome: Outcome) -> None:
    level = logging.INFO
    match outcome:
        case Failed(expected=False):
            level = logging.ERROR
        case Interrupted():
            level = logging.WARNING
    if not task_logger.isEnabledFor(level):
        return
    seconds = monotonic() - admitted.started
    match outcome:
        case Success():
            task_logger.info(
                "Task %s succeeded in %.6fs: %s",
                admitted.label,
                seconds,
                shown(outcome.value, SHOWN),
            )
        case Failed(error, expected=True):
            task_logger.info("Task %s raised expected: %s", admitted.label, shown(error, SHOWN))
        case Failed(error):
            task_logger.error(
                "Task %s raised unexpected: %s\n%s",
                admitted.label,
                shown(error, SHOWN),
                outcome.failure.traceback,
            )
        case Interrupted(reason, lost):
            what = "dropped" if lost else "handed back"
            task_logger.warning("Task %s %s after %.1fs: %s", admitted.label, what, seconds, reason)
