"""Agent: takes as many messages as there are free slots, and starts them.

A slot is a place for one running task. A small reserve is fetched beyond the free slots, so that
a slot that becomes free has work at once; what is reserved and not started is handed back when
the worker stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from asynq.brokers.base import Broker, Delivery
from asynq.exceptions import BrokerRefused, ImproperlyConfigured, OperationalError
from asynq.worker.outage import Outage
from asynq.worker.slots import Slot
from asynq.worker.state import WorkerState

WAIT_SECONDS = 30.0
"""How long one call of `receive` waits for the first message; how long it may trust a connection
that is silent is the broker's business."""


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
        self._filling = False
        self._start: Callable[[Delivery, Slot], None]

    async def run(self, start: Callable[[Delivery, Slot], None]) -> None:
        """Fetch, and start what is fetched, until cancelled.

        Args:
            start: Begins to run a delivery in the slot that is taken for it; returns at once.

        Raises:
            ImproperlyConfigured: the broker has refused us from the start, and always would.
        """
        self._start = start
        outage = Outage("fetch tasks")
        fetched = False
        while True:
            limit = await self._wait_for_room()
            try:
                deliveries = await self._broker.receive(self.queues, limit=limit, wait=WAIT_SECONDS)
            except OperationalError as error:
                # Later it may be a password being changed, and is waited out like other outages.
                if isinstance(error, BrokerRefused) and not fetched:
                    raise ImproperlyConfigured(str(error)) from error
                await outage.pause(error)
                continue
            fetched = True
            outage.over()
            self._state.reached.set()
            self._state.reserved.extend(deliveries)

    def stop(self) -> list[Delivery]:
        """Start nothing more; returns what was fetched and not started, for handing back."""
        self._stopping = True
        left = list(self._state.reserved)
        self._state.reserved.clear()
        return left

    async def _wait_for_room(self) -> int:
        while True:
            self._fill()
            limit = max(self._free, 0) + self._reserve - len(self._state.reserved)
            if limit > 0 and self._trusted():
                return limit
            self._room.clear()
            # Trust comes back without an event; a look a second is enough for it.
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._room.wait()

    def _fill(self) -> None:
        """Begin what is reserved, as far as there are slots.

        Not after this process stood still for a lease: others may run what we hold, and the next
        renewal tells.
        """
        if self._filling:  # what begins may end at once, and frees its slot from inside the loop
            return
        self._filling = True
        reserved = self._state.reserved
        try:
            while reserved and self._free > 0 and self._may_start():
                self._free -= 1
                self._start(reserved.popleft(), Slot(self._slot_freed, self._slot_taken))
        finally:
            self._filling = False

    def _may_start(self) -> bool:
        return not self._stopping and not self._state.closed and self._trusted()

    def reopened(self) -> None:
        """What had to wait for a run that must be alone may begin."""
        self._fill()
        self._room.set()

    def _slot_freed(self) -> None:
        self._free += 1
        self._fill()
        self._room.set()

    def _slot_taken(self) -> None:
        self._free -= 1
