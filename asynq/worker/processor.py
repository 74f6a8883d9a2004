"""One delivery, from bytes to settled: admitted, run, and its outcome handed to the settlement.

A run is one asyncio task, kept in `WorkerState.active`; a task group would cost twice as much and
cancel neighbours when one of them fails, which is just what must not happen here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Final

from msgspec.structs import replace

from asynq import signals
from asynq._time import monotonic
from asynq.brokers.base import Delivery
from asynq.canvas.changes import Changes
from asynq.exceptions import OperationalError, TaskError
from asynq.execution.outcome import (
    Failed,
    Interrupted,
    Outcome,
    Replaced,
    Retrying,
    Revoked,
    Success,
)
from asynq.execution.pools import Pools
from asynq.execution.run import conclude, failed, run
from asynq.request import lend
from asynq.wire.stamps import Stamps
from asynq.worker.admission import Admission, Refusal
from asynq.worker.consumer import Consumer
from asynq.worker.events import Events
from asynq.worker.inputs import Inputs
from asynq.worker.limits import Limits
from asynq.worker.quarantine import Quarantine
from asynq.worker.ratelimit import RateLimits
from asynq.worker.reporting import Refusals, report_ended, report_received
from asynq.worker.settlement import Settlements
from asynq.worker.slots import Slot
from asynq.worker.state import Run, WorkerState
from asynq.worker.telling import Telling
from asynq.worker.watching import Watching

logger = logging.getLogger("asynq.worker")

UNREACHABLE_PAUSE: Final = 1.0
"""Seconds before a step is tried again whose input could not be read."""


class Processor:
    """Starts deliveries and sees them through."""

    def __init__(
        self,
        admission: Admission,
        settlements: Settlements,
        state: WorkerState,
        pools: Pools,
        *,
        inputs: Inputs,
        changes: Changes,
        watching: Watching,
        events: Events,
        consumer: Consumer,
        max_stuck: int | None = None,
        too_many_stuck: Callable[[], None] = lambda: None,
    ) -> None:
        self._admission = admission
        self._settlements = settlements
        self._state = state
        self._pools = pools
        self._inputs = inputs
        self._changes = changes
        self._watching = watching
        self._events = events
        self._limits = Limits(state, self._give_up)
        self._quarantine = Quarantine(state, consumer.reopened, self._limits)
        self._rates = RateLimits(state, first=consumer.first, put_off=settlements.put_off)
        self._max_stuck = max_stuck
        self._too_many_stuck = too_many_stuck
        self._refusals = Refusals()
        self._telling = Telling(state.hostname, pools)
        self._loop = asyncio.get_running_loop()

    def start(self, delivery: Delivery, slot: Slot) -> None:
        """Begin to run the delivery in that slot; returns at once."""
        admitted = self._admission.admit(delivery)
        if isinstance(admitted, Refusal):
            self._refuse(admitted)
            slot.free()
            return
        if admitted.rate is not None and not self._rates.may_begin(admitted, admitted.rate):
            slot.free()
            return
        self._state.active[delivery] = admitted
        self._state.totals[admitted.message.task] += 1
        if self._watching.watchers:
            self._watching.begun(admitted)
        report_received(admitted)
        if self._events.on:
            self._events.began()
        self._settlements.started(admitted)
        admitted.slot = slot
        admitted.handle = self._loop.create_task(self._run(admitted))

    def lost(self, deliveries: Sequence[Delivery]) -> None:
        """These are no longer ours: another worker runs them, so stop running them here."""
        self._settlements.lost(deliveries)
        for delivery in deliveries:
            active = self._state.active.get(delivery)
            if active is not None:
                what = "and has failed" if active.acknowledged else "it runs elsewhere"
                logger.warning("Lost the lease of %s: stopping it, %s", active.label, what)
                active.interrupt("its lease was lost", lost=True)
            elif delivery in self._state.reserved:
                self._state.reserved.remove(delivery)
                self._rates.forget(delivery)
            else:
                self._rates.release(delivery)

    def revoke(self, ids: Collection[str], *, terminate: bool) -> None:
        """Somebody has revoked these: what of them waits here is refused, and what runs is ended
        if that was asked for."""
        self._admission.revoke(ids)
        waiting = (*self._state.reserved, *self._state.throttled)
        self._drop_revoked([held for held in waiting if held.id in ids])
        if terminate:
            self._terminate([each for each in self._state.active.values() if each.id in ids])

    def revoke_stamped(self, stamps: Stamps) -> None:
        """The same of what has one of these headers."""
        self._admission.stamps = stamps
        if not stamps:
            return
        now = self._admission.now()
        self._drop_revoked((*self._state.reserved, *self._state.throttled))
        self._terminate(
            [
                each
                for each in self._state.active.values()
                if stamps.terminated(each.message.headers, now)
            ]
        )

    def _drop_revoked(self, waiting: Sequence[Delivery]) -> None:
        """What of these was revoked waits no longer, and is refused."""
        for delivery in waiting:
            admitted = self._admission.admit(delivery)
            if not isinstance(admitted, Refusal) or not admitted.revoked:
                continue
            if not self._rates.release(delivery):
                self._state.reserved.remove(delivery)
                self._rates.forget(delivery)
            self._refuse(admitted)

    def _terminate(self, running: Sequence[Run]) -> None:
        for each in running:
            self._limits.end(each, Revoked("terminated"))

    def stop(self) -> list[Delivery]:
        """Begin nothing more; returns what waits for its rate limit, for handing back."""
        return self._rates.stop()

    def _refuse(self, refusal: Refusal) -> None:
        self._refusals.report(refusal)
        self._telling.refused(refusal)
        if self._events.on:
            self._events.refused(refusal)
        self._settlements.refused(refusal)
        if self._watching.watchers:
            self._watching.refused(refusal)

    async def _run(self, admitted: Run) -> None:
        if admitted.task.pool == "loop":
            # A `def` task waits in its thread, where the slot must not be touched.
            lend.set(admitted.slot.lend)
        admitted.begun = True
        outcome = admitted.cut_off or await self._outcome(admitted)
        outcome = _decisive(admitted, outcome)
        if outcome is admitted.cut_off and not admitted.abandoned:
            await self._telling.cut_off(admitted)
            outcome = _decisive(admitted, outcome)  # its lease may be lost by now
        if not admitted.abandoned:
            self._end(admitted, outcome)

    def _give_up(self, admitted: Run) -> None:
        """It would not end: it has ended for us, as it was to."""
        admitted.abandoned = True
        if admitted.cut_off is not None:
            self._telling.given_up(admitted)
            self._end(admitted, admitted.cut_off)
        if self._max_stuck is not None and self.stuck() >= self._max_stuck:
            self._too_many_stuck()

    def stuck(self) -> int:
        """How many runs go on that nobody waits for any more, on the loop and in threads."""
        return len(self._state.stuck) + self._pools.abandoned

    def _end(self, admitted: Run, outcome: Outcome) -> None:
        del self._state.active[admitted.delivery]
        if self._state.closed:
            self._state.left.set()
        admitted.slot.free()
        outcome = self._settlements.ended(admitted, outcome)
        self._telling.ended(admitted, outcome)
        if self._events.on:
            self._events.ended(admitted, outcome)
        report_ended(admitted, outcome)
        if self._watching.watchers:
            self._watching.ended(admitted, outcome)

    async def _outcome(self, admitted: Run) -> Outcome:
        """Run it, within its time. Never raises."""
        task, request = admitted.task, admitted.request
        try:
            try:
                request.args, request.kwargs = (
                    task.parameters.decode(admitted.message)
                    if request.flow is None
                    else await self._inputs.arguments(admitted, request.flow)
                )
            except OperationalError as error:  # the workflow's values can't be had now
                return Interrupted(str(error), delay=UNREACHABLE_PAUSE)
            except Exception as error:
                broken = failed(task, error)
                await conclude(task, request, broken, self._pools)
                return broken
            self._settlements.called(admitted)
            if signals.task_received.receivers:
                await self._telling.received(admitted)
            apart = self._quarantine.concerns(admitted)
            place = self._quarantine.places if apart else self._pools.place(task.pool)
            if place is None:
                outcome = await self._enter(admitted, apart)
            else:
                async with place:
                    outcome = await self._enter(admitted, apart)
            if type(outcome) is Replaced:
                return replace(outcome, effect=await self._changes.replace(request, outcome.canvas))
            if request.flow is not None and isinstance(outcome, Success) and outcome.added:
                return replace(outcome, effect=await self._changes.add(request, outcome.added))
            return outcome
        except asyncio.CancelledError:
            if admitted.cut_off is not None:
                return admitted.cut_off
            return failed(task, TaskError(f"{admitted.label} cancelled itself"))
        except BaseException as error:  # else it would hold its slot and its message for ever
            return failed(task, error)

    async def _enter(self, admitted: Run, apart: bool) -> Outcome:
        """Run it now that there is room where it runs. Its time begins here, and where its message
        is acknowledged early, that is not earlier."""
        task, request = admitted.task, admitted.request
        if not task.terms.acks_late:
            if not await self._settlements.acknowledge(admitted):
                return Interrupted("its lease was lost", lost=True)
            if admitted.cut_off is not None:
                return admitted.cut_off
        admitted.entered = True
        if self._events.on:
            admitted.entered_at = monotonic()
        if request.timelimit[0] is not None:
            self._limits.watch(admitted)
        try:
            if apart:
                return await self._quarantine.run(admitted, self._pools)
            return await run(task, request, request.args, request.kwargs, self._pools)
        finally:
            if admitted.timer is not None:
                self._limits.relax(admitted)


def _decisive(admitted: Run, outcome: Outcome) -> Outcome:
    """What counts, where a run was cut off and ended in its own way all the same.

    A run that was to end for good has ended so, whatever it made of it. One that the worker's stop
    interrupted fails because of that: an error in its `finally`, a library that turns the
    cancellation into an error of its own. What it returned counts then, as long as it is ours.
    """
    cut_off = admitted.cut_off
    if cut_off is None:
        return outcome
    if not isinstance(cut_off, Interrupted) or cut_off.lost:
        return cut_off
    return cut_off if isinstance(outcome, Failed | Retrying) else outcome
