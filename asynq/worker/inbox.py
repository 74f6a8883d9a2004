"""Agent: hears what is said to all workers, and has it done.

Of what is revoked, the server remembers it, and says so with every message that it hands out. What
this agent adds is haste, for what was fetched before: it waits here for a slot, or runs. Commands
are carried out elsewhere (`asynq.worker.commands`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Protocol

import msgspec

from asynq.brokers.base import Broker
from asynq.control.orders import CHANNEL, Order, opened_order
from asynq.exceptions import DecodeError, OperationalError, SecurityError
from asynq.outage import Outage
from asynq.wire.sealing import Seal
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
        seal: What opens what is said; what it can't open is not heeded. None: it is not sealed.
    """

    def __init__(
        self,
        broker: Broker,
        state: WorkerState,
        revoke: Revoke,
        rules_changed: Callable[[], None],
        seal: Seal | None = None,
    ) -> None:
        self._broker = broker
        self._state = state
        self._revoke = revoke
        self._rules_changed = rules_changed
        self._seal = seal
        self._obey: Callable[[Order], None] = _heedless

    async def run(self, obey: Callable[[Order], None] | None = None) -> None:
        """Listen until cancelled.

        Args:
            obey: Called with every command; returns at once. None: commands are not heeded.
        """
        self._obey = obey or _heedless
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
        state = self._state
        held = {each.id for each in (*state.active, *state.reserved, *state.throttled)}
        if not held:
            return
        revoked = await self._broker.revoked(sorted(held))
        for terminate in (False, True):
            ids = {id for id, wanted in revoked.items() if wanted is terminate}
            if ids:
                self._revoke(ids, terminate=terminate)

    def _heed(self, body: bytes) -> None:
        try:
            order = opened_order(body, self._seal)
        except SecurityError as error:
            logger.warning("Something was said to all workers that can't be trusted: %s", error)
            return
        except (DecodeError, msgspec.DecodeError) as error:
            logger.warning("Something that is no order was said to all workers: %s", error)
            return
        if order.rules:
            self._rules_changed()
        if order.revoke:
            self._revoke(frozenset(order.revoke), terminate=order.terminate)
        if order.command:
            self._obey(order)


def _heedless(order: Order) -> None:
    """Nobody carries commands out here."""
