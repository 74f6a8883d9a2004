"""Agent: tells events of what the worker does with tasks, and of the worker itself.

Off unless somebody asks, and then nothing of it is in a task's way: of a short task, one thing is
told, when it has ended. What still runs when a batch is written is told of then.
"""

from __future__ import annotations

import asyncio
import os
import platform
from contextlib import suppress
from typing import Final

from msgspec import UNSET

from asynq._time import monotonic
from asynq._version import __version__
from asynq.brokers.base import Requeue
from asynq.events.dispatcher import Dispatcher, as_it_came
from asynq.events.event import (
    FAILED,
    IGNORED,
    REJECTED,
    RETRIED,
    REVOKED,
    SHOWN,
    TRACEBACK,
    Life,
    iso,
)
from asynq.execution.outcome import (
    Failed,
    Ignored,
    Interrupted,
    Outcome,
    Rejected,
    Replaced,
    Retrying,
    Revoked,
    Success,
)
from asynq.wire.failures import Failure
from asynq.worker.admission import Refusal
from asynq.worker.effects import Fate, fate_of
from asynq.worker.showing import shown
from asynq.worker.state import Run, WorkerState

MICRO: Final = 1_000_000
"""Microseconds in a second: what a `Life` counts in."""
HEARTBEAT: Final = 2.0
"""Seconds between two events that say that the worker lives."""
FAREWELL_SECONDS: Final = 2.0
"""How long the last events may take."""


class Events:
    """Tells what happens, where that is wanted.

    Args:
        dispatcher: What writes it.
        state: What the worker holds and has done.
        interval: Seconds between two heartbeats.
        on: From the beginning.

    Attributes:
        on: Is anything told?
        began: Call it when a run has begun; it is told of with the next batch, if it lasts so long.
    """

    def __init__(
        self, dispatcher: Dispatcher, state: WorkerState, *, interval: float, on: bool
    ) -> None:
        self._dispatcher = dispatcher
        self._state = state
        self._interval = interval
        self.on = on
        self._switched = asyncio.Event()
        self._news = dispatcher.wake.set
        self.began = dispatcher.wake.set

    def enable(self) -> str:
        """Tell events from now on; what it says of that is Celery's."""
        if self.on:
            return "task events already enabled"
        self.on = True
        self._say("worker-online")
        self._switched.set()
        self._news()
        return "task events enabled"

    def disable(self) -> str:
        """Tell none from now on; what it says of that is Celery's."""
        if not self.on:
            return "task events already disabled"
        self._say("worker-offline")
        self.on = False
        return "task events disabled"

    def heartbeat(self) -> None:
        """Tell now that the worker lives, if anything is told."""
        if self.on:
            self._say("worker-heartbeat")

    def ended(self, run: Run, outcome: Outcome) -> None:
        """A run has ended."""
        life, now = self._life(run), monotonic()
        life.ended = int((now - self._dispatcher.base) * MICRO)
        if run.told == 2:
            life.ran = int((now - run.entered_at) * MICRO)
        if type(outcome) is Success:
            if outcome.value is not None:
                life.text = shown(outcome.value, SHOWN)
        elif not _close(life, run, outcome):
            if life.received is None and life.started is None:
                return
            life.ended = None
        self._dispatcher.tell(run.message.task, run.delivery.queue, life)
        self._news()

    def refused(self, refusal: Refusal) -> None:
        """A delivery does not run; what another worker may run is no news yet."""
        message, delivery = refusal.message, refusal.delivery
        if isinstance(refusal.verdict, Requeue):
            return
        life = Life(delivery.id, ended=int((monotonic() - self._dispatcher.base) * MICRO))
        if message is None:
            life.kind = REJECTED
        elif refusal.revoked:
            life.kind, life.retries = REVOKED, message.retries
            if str(refusal.error) == "expired":
                life.more = {"expired": True}
        else:
            life.kind, life.retries = FAILED, message.retries
            life.text = shown(refusal.error, SHOWN)
        name = "" if message is None else message.task
        self._dispatcher.tell(name, delivery.queue, life)
        self._news()

    async def run(self) -> None:
        """Tell until cancelled."""
        if self.on:
            self._say("worker-online")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._dispatcher.run(self._announce))
            group.create_task(self._beat())

    async def farewell(self) -> None:
        """Tell that the worker is gone, and write what was told last."""
        if not self.on:
            return
        self._say("worker-offline")
        self.on = False
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._dispatcher.flush()

    async def _beat(self) -> None:
        while True:
            while not self.on:
                await self._switched.wait()
                self._switched.clear()
            await asyncio.sleep(self._interval)
            self.heartbeat()

    def _announce(self) -> None:
        """Tell of what runs and was not told of."""
        if not self.on:
            return
        for run in self._state.active.values():
            known = 2 if run.entered else 1
            if run.told < known:
                life = self._life(run)
                run.told = known
                self._dispatcher.tell(run.message.task, run.delivery.queue, life)

    def _life(self, run: Run) -> Life:
        """What was not told of a run before."""
        base, message = self._dispatcher.base, run.message
        life = Life(run.delivery.id, message.retries)
        if run.told < 2 and run.entered:
            run.entered_at = run.entered_at or run.started  # nobody wanted to know then
            life.started = int((run.entered_at - base) * MICRO)
        if run.told:
            return life
        life.received = int((run.started - base) * MICRO)
        life.root_id, life.parent_id = message.root_id, message.parent_id
        if message.flow is None and not message.content:
            if message.args is not UNSET:
                raw = bytes(message.args)
                life.args = raw if len(raw) <= SHOWN else as_it_came(raw)
            if message.kwargs is not UNSET:
                raw = bytes(message.kwargs)
                life.kwargs = raw if len(raw) <= SHOWN else as_it_came(raw)
        else:
            life.args = shown((*run.request.args,), SHOWN)
            life.kwargs = shown({**run.request.kwargs}, SHOWN)
        if message.eta is not None or message.expires is not None:
            life.more = {"eta": iso(message.eta), "expires": iso(message.expires)}
        return life

    def _say(self, type: str) -> None:
        state = self._state
        self._dispatcher.send(
            type,
            freq=self._interval,
            active=len(state.active),
            processed=state.totals.total(),
            loadavg=[round(load, 2) for load in os.getloadavg()],
            lost=self._dispatcher.lost,
            sw_ident="asynq",
            sw_ver=__version__,
            sw_sys=platform.system(),
        )


def _close(life: Life, run: Run, outcome: Outcome) -> bool:
    """Write into it how the run has ended, if there is an event for that."""
    match outcome:
        case Failed(error, failure):
            if fate_of(run, outcome) is Fate.AGAIN:
                life.kind = REJECTED
                _add(life, requeue=True)
            else:
                life.kind = FAILED
                _tell(life, error, failure)
        case Retrying(error, failure):
            life.kind = RETRIED
            _tell(life, error, failure)
        case Revoked(reason):
            life.kind = REVOKED
            _add(life, terminated=True, expired=reason == "expired")
        case Rejected():
            life.kind = REJECTED
            _add(life, requeue=outcome.requeue)
        case Interrupted(lost=lost):
            if lost:  # what becomes of it, another worker tells
                return False
            life.kind = REJECTED
            _add(life, requeue=True)
        case Ignored():
            life.kind = IGNORED
        case Replaced() | Success():  # its end is that of what stands in its place
            return False
    return True


def _tell(life: Life, error: BaseException, failure: Failure) -> None:
    life.text = shown(error, SHOWN)
    if failure.traceback:
        life.traceback = failure.traceback[-TRACEBACK:]


def _add(life: Life, **fields: object) -> None:
    life.more = {**(life.more or {}), **fields}
