"""Moving delayed messages to their lanes when they are due.

Every worker does it, without a leader: the script is atomic, so two at once are only a waste. Due
times are compared with the server's clock, never with ours.

Workers look every two seconds, and what is due before their next look would come late. So whoever
put it there, a worker or not, moves it too, as long as it lives (`Soon`): every call that may store
something for a moment from now tells it. What is sent with the call is known before; of steps that
workflows have kept, the server tells in its answer.
"""

from __future__ import annotations

import asyncio
import functools
import math
import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from asynq._redis.alarm import Alarm
from asynq._redis.keys import LEVELS, Keys
from asynq._redis.pipeline import Pipeline, Word
from asynq._time import monotonic, time
from asynq.brokers.base import Parcel, Requeue, Settlement
from asynq.brokers.redis.clock import Clock
from asynq.brokers.redis.scripts import FIRST, MOVE
from asynq.exceptions import OperationalError

LONGEST_SLEEP: Final = 2.0
"""Seconds a message that becomes due unexpectedly may be late."""
JITTER: Final = 0.1
"""Seconds that sleep may be longer, so that a fleet does not ask in the same millisecond."""
SOON: Final = LONGEST_SLEEP + 2 * JITTER
"""Seconds: what is due later is seen by the workers in time."""
BATCH: Final = 100
"""Messages in one call: about 2 ms of the server's time."""
QUEUES: Final = 200
"""Queues in one look."""
SLACK: Final = 0.002
"""Seconds after its time that something is looked for: rounding must not make it too early."""


async def move_due(pipeline: Pipeline, keys: Keys, queues: Sequence[str], clock: Clock) -> float:
    """Move everything that is due.

    Returns:
        Seconds to sleep before looking again.

    Raises:
        OperationalError, Refused: the server can't be reached, or refuses.
    """
    nearest = LONGEST_SLEEP
    for start in range(0, len(queues), QUEUES):
        some = queues[start : start + QUEUES]
        firsts = await pipeline.run(FIRST, [keys.delayed(queue) for queue in some])
        for queue, due in zip(some, firsts, strict=True):
            if due and (not clock.is_known or float(due) / 1000 < clock.now() + LONGEST_SLEEP):
                nearest = min(nearest, await _move(pipeline, keys, queue, clock))
    return max(0.0, nearest)


async def _move(pipeline: Pipeline, keys: Keys, queue: str, clock: Clock) -> float:
    """Move what is due in a queue; returns in how many seconds the next is."""
    moved, left = BATCH, math.inf
    while moved >= BATCH:
        asked = monotonic()
        moved, due, now = await pipeline.run(MOVE, _names(keys, queue), (BATCH, *LEVELS))
        clock.heard(now, asked=asked)
        left = (float(due) - now) / 1000 if due else math.inf
    return left


async def move_for_ever(
    pipeline: Pipeline, keys: Keys, queues: Sequence[str], clock: Clock
) -> None:
    """`move_due` again and again; ends with the first error."""
    while True:
        pause = await move_due(pipeline, keys, queues, clock)
        jitter = JITTER if pause >= LONGEST_SLEEP else JITTER / 10
        await asyncio.sleep(pause + random.uniform(SLACK, jitter))


class Soon:
    """Moves what this process has sent for a moment from now, each queue with its own clock."""

    def __init__(self, pipeline: Pipeline, keys: Keys, clock: Clock) -> None:
        self._pipeline = pipeline
        self._clock = clock
        self._keys = keys
        self._last: dict[str, float] = {}
        """When the last that we know of is due, in the loop's time."""
        self._alarms: dict[str, Alarm] = {}
        self._closed = False

    def expect(self, delays: Sequence[tuple[str, float]], sent: asyncio.Future[Any]) -> None:
        """Messages are on their way: their queues, and in how many seconds they are due."""
        near = [each for each in delays if 0.0 < each[1] < SOON]
        if near:
            sent.add_done_callback(functools.partial(self._stored, near))

    def stored(self, queue: str, delay: float) -> None:
        """A message of that queue is due in so many seconds."""
        if delay >= SOON:
            return
        at = self._pipeline.loop.time() + delay + SLACK
        self._last[queue] = max(at, self._last.get(queue, at))
        self._look_at(queue, at)

    def _stored(self, delays: Sequence[tuple[str, float]], sent: asyncio.Future[Any]) -> None:
        if not sent.cancelled() and sent.exception() is None:
            for queue, delay in delays:
                self.stored(queue, delay)

    def close(self) -> None:
        """Move nothing more."""
        self._closed = True
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()

    def _look_at(self, queue: str, at: float) -> None:
        alarm = self._alarms.get(queue)
        if self._closed or (alarm is not None and alarm.at <= at):
            return
        if alarm is None:
            look = functools.partial(self._look, queue)
            alarm = self._alarms[queue] = Alarm(self._pipeline.loop, look)
        alarm.set(at)

    def _look(self, queue: str) -> None:
        del self._alarms[queue]
        # What fails here is only late: the workers look too.
        with suppress(OperationalError):
            moved = self._pipeline.call(MOVE, _names(self._keys, queue), (BATCH, *LEVELS))
            asked, asked_at = self._pipeline.loop.time(), monotonic()
            moved.add_done_callback(functools.partial(self._looked, queue, asked, asked_at))

    def _looked(self, queue: str, asked: float, asked_at: float, done: asyncio.Future[Any]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        moved, due, server_now = done.result()
        self._clock.heard(server_now, asked=asked_at)
        # Counted from when we asked: a slow answer would make our own look like a stranger's.
        next_due = asked + max(0.0, (float(due) - server_now) / 1000) if due else math.inf
        if moved >= BATCH:
            self._look_at(queue, self._pipeline.loop.time())
        elif next_due <= self._last.get(queue, 0.0):
            self._look_at(queue, next_due + SLACK)
        elif queue not in self._alarms:
            self._last.pop(queue, None)


def held_back(parcels: Iterable[Parcel]) -> list[tuple[str, float]]:
    """The queues of parcels that are not to come at once, and in how many seconds they are."""
    return [
        (parcel.queue, _seconds(parcel))
        for parcel in parcels
        if parcel.delay > 0 or parcel.due is not None
    ]


def put_off(settlements: Iterable[Settlement]) -> list[tuple[str, float]]:
    """The same of what is handed back for later, and of what is sent as something ends. Not of
    steps that begin then: these are the server's to tell."""
    found = []
    for settlement in settlements:
        if type(settlement.verdict) is Requeue:
            found.append((settlement.delivery.queue, _seconds(settlement.verdict)))
        if settlement.publish:
            found += held_back(settlement.publish)
    return found


def _seconds(source: Parcel | Requeue) -> float:
    return source.delay if source.due is None else source.due - time()


def _names(keys: Keys, queue: str) -> tuple[Word, ...]:
    return keys.delayed(queue), keys.delayed_messages(queue), *keys.lanes(queue)[1:]
