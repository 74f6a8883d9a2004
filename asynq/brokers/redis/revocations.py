"""Telling the server of tasks that shall not run, or at another time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

from asynq._redis.errors import Refused
from asynq._redis.keys import LONGEST_TTL
from asynq._redis.pipeline import Word
from asynq.brokers.redis.batches import Batches
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.clock import Clock
from asynq.brokers.redis.delayed import move_due
from asynq.brokers.redis.packing import due_word
from asynq.brokers.redis.scripts import RESCHEDULE, REVOKE, REVOKED, SHUNNED
from asynq.exceptions import OperationalError

REVOKED_AT_ONCE: Final = 100
LOOKED_UP: Final = 5000
"""Times one call looks for an id in the delayed messages of a queue: about 5 ms."""
ASKED: Final = 500
"""Ids in one question."""


class Revocations:
    """What is revoked lives on the server, so it outlasts every worker.

    A message that waits for its time is made due: it is delivered as revoked, and settled like any
    other, with all who wait for it.
    """

    def __init__(self, calls: Calls, batches: Batches, clock: Clock) -> None:
        self._calls = calls
        self._keys = calls.keys
        self._batches = batches
        self._clock = clock

    async def revoke(self, ids: Sequence[str], *, terminate: bool, ttl: float) -> None:
        """See `Broker.revoke`."""
        keys = self._keys
        queues = await self._calls.queues() if ids else ()
        names = (keys.revoked, keys.terminated, *map(keys.delayed, queues))
        kept = max(1, round(min(ttl, LONGEST_TTL) * 1000))
        most = max(1, min(REVOKED_AT_ONCE, LOOKED_UP // max(1, len(queues))))
        waited: set[str] = set()
        for first in range(0, len(ids), most):
            words: list[Word] = [kept, int(terminate), *ids[first : first + most]]
            places = await self._calls.run(REVOKE, names, words)
            waited.update(queues[place - 3] for place in places)
        if waited:
            # What fails here is only late: the workers look too.
            with contextlib.suppress(OperationalError, Refused):
                await move_due(self._calls.pipe, keys, sorted(waited), self._clock)

    async def revoked(self, ids: Sequence[str]) -> Mapping[str, bool]:
        """See `Broker.revoked`."""
        keys = (self._keys.revoked, self._keys.terminated)
        found: dict[str, bool] = {}
        for first in range(0, len(ids), ASKED):
            asked = ids[first : first + ASKED]
            signs = await self._calls.run(REVOKED, keys, asked)
            found |= {
                id: sign == ord("2")
                for id, sign in zip(asked, signs, strict=True)
                if sign != ord("0")
            }
        return found

    async def all(self, limit: int) -> Mapping[str, bool]:
        """See `Broker.revocations`."""
        keys = (self._keys.revoked, self._keys.terminated)
        told = await self._calls.run(SHUNNED, keys, (limit,))
        return {id.decode(): sign == b"2" for id, sign in zip(told[::2], told[1::2], strict=True)}

    async def reschedule(self, id: str, *, delay: float, due: float | None) -> bool:
        """See `Broker.reschedule`."""
        queues = await self._calls.queues()
        if not queues:
            return False
        names = [self._keys.delayed(queue) for queue in queues]
        places = await self._calls.run(RESCHEDULE, names, (id, due_word(delay, due) or "1"))
        seconds = delay if due is None else due - self._clock.now()
        for place in places:
            self._batches.soon.stored(queues[place - 1], max(0.0, seconds))
        return bool(places)
