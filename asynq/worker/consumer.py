"""Agent: takes as many messages as there are free slots, and starts them.

A slot is a place for one running task. A small reserve is fetched beyond the free slots, so that
a slot that becomes free has work at once; what is reserved and not started is handed back when
the worker stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from asynq.brokers.base import Broker, Delivery
from asynq.exceptions import OperationalError
from asynq.worker.outage import Outage
from asynq.worker.state import WorkerState

WAIT_SECONDS = 2.0
"""How long one read waits for the first message. Finite, because a server that drops the stream
under a blocked reader may not tell it."""


class Consumer:
    """Keeps the slots filled from the queues."""

    def __init__(
        self,
        broker: Broker,
        queues: Sequence[str],
        state: WorkerState,
        *,
        slots: int,
        reserve: int,
        trusted: Callable[[], bool],
    ) -> None:
        self.queues = list(queues)
        self.slots = slots
        self._broker = broker
        self._state = state
        self._free = slots
        self._reserve = reserve
        self._trusted = trusted
        self._room = asyncio.Event()
        self._stopping = False
        self._start: Callable[[Delivery], None]

    async def run(self, start: Callable[[Delivery], None]) -> None:
        """Fetch, and start what is fetched, until cancelled."""
        self._start = start
        outage = Outage("fetch tasks")
        while True:
            limit = await self._wait_for_room()
            try:
                deliveries = await self._broker.receive(self.queues, limit=limit, wait=WAIT_SECONDS)
            except OperationalError as error:
                await outage.pause(error)
                continue
            outage.over()
            self._take(deliveries)

    def stop(self) -> list[Delivery]:
        """Start nothing more; returns what was fetched and not started, for handing back."""
        self._stopping = True
        left = list(self._state.reserved)
        self._state.reserved.clear()
        return left

    def slot_freed(self) -> None:
        """A run has ended, or lends its slot: the next one may begin."""
        self._free += 1
        if self._free <= 0:
            return
        if self._state.reserved and not self._stopping:
            self._begin(self._state.reserved.popleft())
        self._room.set()

    @contextmanager
    def lend_slot(self) -> Iterator[None]:
        """Give the slot away while a task waits for another task's result.

        Without it, a worker with one slot whose task awaits a second task would wait for ever. The
        task goes on as soon as the result is there, if need be beyond the number of slots.
        """
        self.slot_freed()
        try:
            yield
        finally:
            self._free -= 1

    async def _wait_for_room(self) -> int:
        while True:
            limit = max(self._free, 0) + self._reserve - len(self._state.reserved)
            if limit > 0 and self._trusted():
                return limit
            self._room.clear()
            # Trust comes back without an event; a look a second is enough for it.
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._room.wait()

    def _take(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if self._free > 0 and not self._stopping:
                self._begin(delivery)
            else:
                self._state.reserved.append(delivery)

    def _begin(self, delivery: Delivery) -> None:
        self._free -= 1
        self._start(delivery)
