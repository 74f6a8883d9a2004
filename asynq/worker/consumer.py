"""Agent: takes as many messages as there are free slots, and starts them.

A slot is a place for one running task. A small reserve is fetched beyond the free slots, so that
a slot that becomes free has work at once; what is reserved and not started is handed back when
the worker stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from asynq.brokers.base import Bounds, Broker, Delivery
from asynq.exceptions import BrokerRefused, ImproperlyConfigured, OperationalError
from asynq.outage import Outage
from asynq.wire.rules import Rules
from asynq.worker.slots import Slot
from asynq.worker.state import WorkerState

WAIT_SECONDS = 30.0
"""How long one call of `receive` waits for the first message; how long it may trust a connection
that is silent is the broker's business."""
FULL_SECONDS = 0.1
"""The same while all slots are taken, and queues have a limit: of these nothing is reserved."""


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
        self.requeued = asyncio.Event()
        """Set when it is told to serve other queues."""
        self._fetcher: asyncio.Task[None] | None = None
        """The asyncio task that waits for messages now."""
        self._stopping = False
        self._filling = False
        self._start: Callable[[Delivery, Slot], None]

    async def run(
        self, start: Callable[[Delivery, Slot], None], *, after: asyncio.Event | None = None
    ) -> None:
        """Fetch, and start what is fetched, until cancelled.

        Args:
            start: Begins to run a delivery in the slot that is taken for it; returns at once.
            after: Wait for this first.

        Raises:
            ImproperlyConfigured: the broker has refused us from the start, and always would.
        """
        self._start = start
        if after is not None:
            await after.wait()
        outage = Outage("fetch tasks")
        fetched = False
        ourselves = asyncio.current_task()
        while True:
            limit = await self._wait_for_room()
            self._fetcher = ourselves
            try:
                deliveries = await self._receive(limit)
            except asyncio.CancelledError:
                # Was it one of us (`_call_off`), and nobody else as well?
                if self._fetcher is not None or ourselves is None or ourselves.uncancel():
                    raise
                continue
            except OperationalError as error:
                # Later it may be a password being changed, and is waited out like other outages.
                if isinstance(error, BrokerRefused) and not fetched:
                    raise ImproperlyConfigured(str(error)) from error
                self._fetcher = None
                await outage.pause(error)
                continue
            if self._fetcher is None and ourselves is not None:  # `serve` came a moment too late
                ourselves.uncancel()
            self._fetcher = None
            fetched = True
            outage.over()
            self._state.reached.set()
            self._state.reserved.extend(deliveries)

    def heed(self, rules: Rules) -> list[Delivery]:
        """Keep to these rules from now on; returns what was fetched from queues that are paused,
        for handing back."""
        self._state.rules = rules
        self._call_off()
        return self.give_up(rules.paused)

    async def _receive(self, limit: int) -> Sequence[Delivery]:
        """What there is, or comes, of the queues that are not paused."""
        rules = self._state.rules
        queues = [name for name in self.queues if name not in rules.paused]
        bounds, wait = None, WAIT_SECONDS
        if any(name in rules.limits for name in queues):
            bounds = Bounds(rules.limits, max(self._free, 0))
            if not bounds.most:  # a slot may become free, and is not for what has a limit only
                wait = FULL_SECONDS
        return await self._broker.receive(queues, limit=limit, wait=wait, bounds=bounds)

    def _call_off(self) -> None:
        """Have who waits for messages ask again: for what, has changed."""
        if self._fetcher is not None:
            self._fetcher.cancel()
            self._fetcher = None

    def stop(self) -> list[Delivery]:
        """Start nothing more; returns what was fetched and not started, for handing back."""
        self._stopping = True
        left = list(self._state.reserved)
        self._state.reserved.clear()
        return left

    def serve(self, queues: Sequence[str]) -> None:
        """Take messages from these queues from now on, and from no others.

        What was taken from others and has begun goes on.
        """
        # Another list, not this one changed: a call that waits for messages has it.
        self.queues = list(queues)
        self.requeued.set()
        self._call_off()

    def resize(self, slots: int, reserve: int) -> None:
        """Have so many slots from now on, and so much in reserve. What runs goes on."""
        self._free += slots - self.slots
        self.slots, self._reserve = slots, reserve
        self.reopened()

    def give_up(self, queues: Collection[str]) -> list[Delivery]:
        """What is reserved of these queues, and not reserved any more: to be handed back."""
        reserved = self._state.reserved
        left = [delivery for delivery in reserved if delivery.queue in queues]
        for delivery in left:
            reserved.remove(delivery)
        return left

    @property
    def reserve(self) -> int:
        """How many tasks may wait, fetched, for a slot."""
        return self._reserve

    @property
    def free(self) -> int:
        """How many slots nothing runs in; below zero: more runs than there are slots."""
        return self._free

    def first(self, delivery: Delivery) -> None:
        """Begin this one as soon as there is a slot, before all that is reserved."""
        self._state.reserved.appendleft(delivery)
        self.reopened()

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
        """What had to wait, for a run that must be alone or for a slot, may begin."""
        self._fill()
        self._room.set()

    def _slot_freed(self) -> None:
        self._free += 1
        self._fill()
        self._room.set()

    def _slot_taken(self) -> None:
        self._free -= 1
