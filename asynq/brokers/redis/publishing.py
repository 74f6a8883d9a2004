"""What is published: gathered, and sent in batches of one script call each.

A batch carries a number. Sent again after a lost reply, it is known by that to have been stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from asynq._redis.keys import Keys, level_of
from asynq._redis.pipeline import Word
from asynq.brokers.base import Parcel
from asynq.brokers.redis.calls import Calls
from asynq.brokers.redis.delayed import Soon, held_back
from asynq.brokers.redis.gathering import Gathering
from asynq.brokers.redis.packing import due_word
from asynq.brokers.redis.scripts import ENQUEUE
from asynq.brokers.redis.sending import Indexed, Marks

PARCELS: Final = 100
"""Messages in one call of ENQUEUE."""


class Publishing:
    """`publish` of one broker.

    Args:
        soon: Gives who moves what becomes due soon.
    """

    def __init__(self, calls: Calls, marks: Marks, soon: Callable[[], Soon]) -> None:
        self._calls = calls
        self._marks = marks
        self._soon = soon
        self._gathering: Gathering | None = None

    def publish(self, parcels: Sequence[Parcel], timeout: float | None = None) -> Awaitable[None]:
        """See `Broker.publish`. A future where it can be: a coroutine for each of thousands that
        publish at once would cost more than what it does."""
        if timeout is not None:
            self._marks.last_for(timeout)
        gathering = self._gathering or self._begin()
        if len(parcels) <= PARCELS:
            return gathering.add(parcels, timeout)
        return self._publish_many(gathering, parcels, timeout)

    async def _publish_many(
        self, gathering: Gathering, parcels: Sequence[Parcel], timeout: float | None
    ) -> None:
        for first in range(0, len(parcels), PARCELS):
            await gathering.add(parcels[first : first + PARCELS], timeout)

    def close(self) -> None:
        """Stop the clock; what is still asked ends with its connection."""
        if self._gathering is not None:
            self._gathering.close()

    def _begin(self) -> Gathering:
        calls, pipe, soon = self._calls, self._calls.pipe, self._soon()

        def send(parcels: list[Parcel], timeout: float) -> asyncio.Future[Any]:
            call = enqueue_call(calls.keys, self._marks, parcels)
            sent = pipe.call(ENQUEUE, *call, timeout=timeout, at_once=True)
            if delays := held_back(parcels):
                soon.expect(delays, sent)
            return sent

        self._gathering = Gathering(
            send,
            most=PARCELS,
            timeout=calls.timeout,
            url=calls.server.url,
            trouble=lambda: pipe.trouble,
        )
        return self._gathering


def enqueue_call(
    keys: Keys, marks: Marks, parcels: Sequence[Parcel]
) -> tuple[list[Word], list[Word]]:
    """Keys and arguments of ENQUEUE."""
    mark, number, lasting = marks.next()
    indexed = Indexed(mark, keys.queues)
    lanes: dict[bytes, list[Word]] = {}
    delayed: list[Word] = []
    queues: dict[str, None] = {}
    queue, priority = "", -1
    for parcel in parcels:
        if parcel.queue != queue or parcel.priority != priority:  # they come in runs
            queue, priority = parcel.queue, parcel.priority
            queues[queue] = None
            lane = keys.lane(queue, priority)
            ready = lanes.setdefault(lane, [])
        if due := due_word(parcel.delay, parcel.due):
            zset = indexed.delayed(keys, queue)
            level = level_of(priority)
            delayed += (zset, indexed.place(lane), level, due, parcel.id, parcel.body)
        else:
            ready += (parcel.id, parcel.body)
    words: list[Word] = [number, lasting, len(queues), *queues]
    used = [(lane, ready) for lane, ready in lanes.items() if ready]
    words.append(len(used))
    for lane, ready in used:
        words += (indexed.place(lane), len(ready) // 2)
        words += ready
    return indexed.keys, words + delayed
