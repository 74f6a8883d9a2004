"""Agent: knows what is paused and limited on this server, and has the worker keep to it.

It asks when it is told that something has changed, and a few times a lease in any case: who was not
listening then learns of it late, not never. What was parked because its task was paused is made
ready again by whoever sees that it is not paused any more, so nothing stays parked because the one
who parked it has died.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from asynq.brokers.base import Broker, Delivery
from asynq.exceptions import BrokerRefused, OperationalError
from asynq.outage import Outage
from asynq.wire.rules import Rules


class RuleKeeper:
    """Reads the rules, and has them kept.

    Args:
        broker: Keeps them.
        queues: Gives those that the worker serves.
        heed: Called with rules that are new; gives what was fetched and may not begin.
        hand_back: Called with that.
        every: Seconds after which they are read again.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        queues: Callable[[], Sequence[str]],
        heed: Callable[[Rules], Sequence[Delivery]],
        hand_back: Callable[[Sequence[Delivery]], None],
        every: float,
    ) -> None:
        self._broker = broker
        self._queues = queues
        self._heed = heed
        self._hand_back = hand_back
        self._every = every
        self._rules = Rules()
        self._changed = asyncio.Event()
        self.known = asyncio.Event()
        """Set when the rules have been read, or may not be."""

    def changed(self) -> None:
        """Read them again, now."""
        self._changed.set()

    async def run(self) -> None:
        """Keep to the rules until cancelled."""
        asking = Outage("ask what is paused")
        outage = Outage("fetch tasks")  # nobody does before the rules are known
        while True:
            if self.known.is_set():
                outage = asking
            self._changed.clear()
            try:
                await self._read()
            except OperationalError as error:
                if isinstance(error, BrokerRefused):
                    self.known.set()  # who fetches says what is wrong
                await outage.pause(error)
                continue
            outage.over()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._changed.wait()

    async def _read(self) -> None:
        rules = Rules.read(await self._broker.rules())
        if rules != self._rules:
            self._rules = rules
            if held := self._heed(rules):
                self._hand_back(held)
        self.known.set()
        await self._broker.unpark(self._queues(), keep=rules.paused_tasks)
