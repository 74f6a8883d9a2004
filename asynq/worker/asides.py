"""Agent: stores and sends what follows from runs whose message was acknowledged before they ran.

Apart from all other settling, and never before it: a full server refuses what is stored and sent
here, and must still be able to end what else runs. It would never have room again otherwise.
"""

from __future__ import annotations

import asyncio
from typing import Final, TypeVar

from asynq.backends.base import ResultBackend
from asynq.brokers.base import Broker, Settlement
from asynq.exceptions import OperationalError
from asynq.worker.effects import Aside
from asynq.worker.outage import Outage

BATCH: Final = 100
"""Ends of runs in one call: what a broker takes altogether or not at all."""

BATCH_BYTES: Final = 1024 * 1024
"""Of results in one call: a slow line carries so much before a connection counts as silent."""

ANSWERED_WITHIN: Final = 1800.0
"""Seconds for which what is sent is repeated as the same call, which a broker stores once. Sent
anew it would be stored anew, and run twice."""

T = TypeVar("T", Settlement, Aside)


class Asides:
    """What waits to be stored and sent.

    Args:
        broker: Where the next runs go.
        backend: Where results go.
    """

    def __init__(self, broker: Broker, backend: ResultBackend) -> None:
        self._broker = broker
        self._backend = backend
        self._waiting: list[Aside] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, aside: Aside) -> None:
        """See to it."""
        self._waiting.append(aside)
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Do so until cancelled."""
        outage = Outage("store and send what early acknowledged tasks ended with")
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = up_to(self._waiting, BATCH, BATCH_BYTES)
                try:
                    await self._write(batch)
                except OperationalError as error:
                    await outage.pause(error)
                    continue
                del self._waiting[: len(batch)]
                outage.over()
            self._idle.set()

    async def drained(self) -> None:
        """Wait until all of it is done."""
        await self._idle.wait()

    async def _write(self, batch: list[Aside]) -> None:
        # What may be repeated comes first: nothing may fail after the sending.
        if records := [aside.record for aside in batch if aside.record is not None]:
            await self._backend.store(records)
        if parcels := [parcel for aside in batch for parcel in aside.publish]:
            await self._broker.publish(parcels, timeout=ANSWERED_WITHIN)


def up_to(waiting: list[T], most: int, most_bytes: int) -> list[T]:
    """The first of them, as many as are written in one call."""
    batch = waiting[:most]
    size = 0
    for count, each in enumerate(batch):
        if each.record is not None:
            size += len(each.record.body)
            if size > most_bytes and count:
                return batch[:count]
    return batch
