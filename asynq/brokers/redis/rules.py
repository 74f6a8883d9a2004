"""What was said to hold for queues and tasks, and the messages that are parked because of it.

What is parked lies in its queue's delayed store, with a time that never comes and that tells its
label: so it is counted, found by id and purged as all that waits, and no index can miss it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from asynq._redis.keys import LEVELS
from asynq.brokers.base import PARKED, parked_until
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.delayed import QUEUES
from asynq.brokers.redis.scripts import LAST, UNPARK

BATCH: Final = 100
"""Messages that one call makes ready."""


def parked_from() -> int:
    """The time from which on what waits is parked, as the scripts want it."""
    return round(PARKED * 1000)


class Ruling:
    """What a broker does with rules."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._keys = calls.keys

    async def rules(self) -> Mapping[str, str]:
        """See `Broker.rules`."""
        kept = await self._calls.execute(b"HGETALL", self._keys.rules)
        words = kept.items() if isinstance(kept, dict) else zip(kept[::2], kept[1::2], strict=True)
        return {name.decode(): text.decode() for name, text in words}

    async def set_rule(self, name: str, text: str | None) -> None:
        """See `Broker.set_rule`."""
        if text is None:
            await self._calls.execute(b"HDEL", self._keys.rules, name)
        else:
            await self._calls.execute(b"HSET", self._keys.rules, name, text)

    async def unpark(self, queues: Sequence[str], keep: Collection[str]) -> int:
        """See `Broker.unpark`."""
        stay = sorted({round(parked_until(label) * 1000) for label in keep})
        total = 0
        for start in range(0, len(queues), QUEUES):
            some = queues[start : start + QUEUES]
            zsets = [self._keys.delayed(queue) for queue in some]
            for place in await self._calls.run(LAST, zsets, (parked_from(),)):
                total += await self._unpark(some[place - 1], stay)
        return total

    async def _unpark(self, queue: str, stay: Sequence[int]) -> int:
        keys = self._keys
        names = (keys.delayed(queue), keys.delayed_messages(queue), *keys.lanes(queue)[1:])
        words = (BATCH, parked_from(), len(stay), *stay, *LEVELS)
        total, moved = 0, BATCH
        while moved == BATCH:
            moved = await self._calls.run(UNPARK, names, words)
            total += moved
        return total
