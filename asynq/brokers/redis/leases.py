"""Keeping what runs ours, from a thread of its own.

Own thread and connection, because a task that blocks the event loop must not lose its lease.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asynq._redis.client import Server
from asynq._redis.keys import GROUP
from asynq._redis.pipeline import Word
from asynq._redis.threaded import Threaded
from asynq.brokers.base import Delivery
from asynq.brokers.redis.delivery import Held, RedisDelivery, entry_order
from asynq.brokers.redis.scripts import BEAT

BATCH = 500
"""Entries in one call of BEAT."""


class Keeper:
    """See `LeaseKeeper`."""

    def __init__(self, server: Server, held: Held, *, lease: float) -> None:
        self._held = held
        self._connection = Threaded(server, timeout=max(0.5, min(5.0, lease / 3)))

    def renew(self) -> Sequence[Delivery]:
        """Renew every unsettled delivery; return those that are no longer ours.

        Raises:
            OperationalError: the server did not answer.
        """
        asked: list[dict[bytes, RedisDelivery]] = []
        calls: list[tuple[Sequence[Word], Sequence[Word]]] = []
        for lane, deliveries in self._held.by_lane().items():
            entries = sorted(deliveries, key=entry_order)
            for first in range(0, len(entries), BATCH):
                batch = entries[first : first + BATCH]
                asked.append(deliveries)
                calls.append(((lane,), (GROUP, self._held.consumer, *batch)))
        if not calls:
            return ()
        lost: list[Delivery] = []
        for deliveries, gone in zip(asked, self._connection.run_all(BEAT, calls), strict=True):
            lost += self._forget(deliveries[entry] for entry in gone)
        return lost

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _forget(self, gone: Iterable[RedisDelivery]) -> list[RedisDelivery]:
        """What was settled while we asked, or is being settled, is not lost."""
        held = self._held
        lost = [
            delivery
            for delivery in gone
            if delivery in held.deliveries and delivery not in held.ending
        ]
        held.deliveries.difference_update(lost)
        return lost
