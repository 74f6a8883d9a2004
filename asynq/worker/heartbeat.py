"""Agent: says that this worker lives, and what it is."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from asynq._time import monotonic, time
from asynq.brokers.base import Broker
from asynq.exceptions import OperationalError
from asynq.outage import Outage
from asynq.worker.state import WorkerState

RECENTLY = 0.2
"""Seconds that the broker's last answer holds for whoever asks whether it is there."""
ANSWER_SECONDS = 0.5
"""How long it may take to answer that: probes are impatient."""


class WorkerInfo(Struct, frozen=True, kw_only=True):
    """What a worker says of itself."""

    hostname: str
    pid: int
    queues: tuple[str, ...]
    slots: int
    active: int
    reserved: int
    processed: int
    uptime: float
    """Seconds since it began."""
    at: float
    """When it said so: Unix time, seconds."""


class Serving(Protocol):
    """What the worker serves now, which may be changed while it runs."""

    @property
    def queues(self) -> Sequence[str]:
        """From these."""
        ...

    @property
    def slots(self) -> int:
        """So many tasks at once."""
        ...


class Heartbeat:
    """Announces the worker every third of the lease, for the length of a lease."""

    def __init__(
        self, broker: Broker, state: WorkerState, serving: Serving, *, lease: float
    ) -> None:
        self._broker = broker
        self._state = state
        self._serving = serving
        self._lease = lease
        self._said = -math.inf
        self.away = False
        """The broker did not answer, when it was last asked."""

    async def run(self) -> None:
        """Announce until cancelled."""
        outage = Outage("send heartbeats")
        while True:
            try:
                await self._announce(self._lease)
            except OperationalError as error:
                self.away = True
                await outage.pause(error)
                continue
            outage.over()
            self._state.reached.set()
            await asyncio.sleep(self._lease / 3)

    async def check(self) -> None:
        """See whether the broker answers, where that is not known from a moment ago."""
        if monotonic() - self._said < RECENTLY and not self.away:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._announce(self._lease)
        except (OperationalError, TimeoutError):
            self.away = True

    async def beat(self) -> None:
        """Announce now, beside the regular announcements.

        Raises:
            OperationalError: the broker can't be reached.
        """
        await self._announce(self._lease)

    async def farewell(self) -> None:
        """Say that the worker is gone."""
        await self._announce(0)

    async def _announce(self, ttl: float) -> None:
        info = WorkerInfo(
            hostname=self._state.hostname,
            pid=os.getpid(),
            queues=tuple(self._serving.queues),
            slots=self._serving.slots,
            active=len(self._state.active),
            reserved=len(self._state.reserved),
            processed=self._state.totals.total(),
            uptime=monotonic() - self._state.began,
            at=time(),
        )
        await self._broker.announce(self._state.hostname, msgspec.json.encode(info), ttl=ttl)
        self._said, self.away = monotonic(), False
