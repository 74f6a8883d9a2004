"""Agent: hears what is said to all workers, and has it done. For now: what is revoked, and
that the rules have changed.

The server remembers what is revoked, and says so with every message that it hands out. What this
agent adds is haste, for what was fetched before: it waits here for a slot, or runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Protocol

import msgspec

from asynq.brokers.base import Broker
from asynq.control import CHANNEL, Order
from asynq.exceptions import OperationalError
from asynq.worker.outage import Outage
from asynq.worker.state import WorkerState

logger = logging.getLogger("asynq.worker")


class Revoke(Protocol):
    """Refuses what waits here, and ends what runs."""

    def __call__(self, ids: Collection[str], *, terminate: bool) -> None: ...


class Inbox:
    """Listens to the channel of all workers.

    Args:
        broker: Over which they are told.
        state: What this worker holds.
        revoke: Refuses what waits here, and ends what runs.
        rules_changed: Has it read what is paused and limited.
    """

    def __init__(
        self,
        broker: Broker,
        state: WorkerState,
        revoke: Revoke,
        rules_changed: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._state = state
        self._revoke = revoke
        self._rules_changed = rules_changed

    async def run(self) -> None:
        """Listen until cancelled."""
        outage = Outage("hear what is said to all workers")
        while True:
            try:
                await self._listen(outage.over)
            except OperationalError as error:
                await outage.pause(error)

    async def _listen(self, heard: Callable[[], None]) -> None:
        async with self._broker.fanout().subscribe(CHANNEL) as said:
            await self._catch_up()
            heard()
            async for body in said:
                if body is None:
                    await self._catch_up()
                else:
                    self._heed(body)

    async def _catch_up(self) -> None:
        """Ask for what may have been said while nobody listened here."""
        self._rules_changed()
        held = {each.id for each in (*self._state.active, *self._state.reserved)}
        if not held:
            return
        revoked = await self._broker.revoked(sorted(held))
        for terminate in (False, True):
            ids = {id for id, wanted in revoked.items() if wanted is terminate}
            if ids:
                self._revoke(ids, terminate=terminate)

    def _heed(self, body: bytes) -> None:
        try:
            order = _decoder.decode(body)
        except msgspec.DecodeError as error:
            logger.warning("Something that is no order was said to all workers: %s", error)
            return
        if order.rules:
            self._rules_changed()
        if order.revoke:
            self._revoke(frozenset(order.revoke), terminate=order.terminate)


_decoder = msgspec.json.Decoder(Order)
