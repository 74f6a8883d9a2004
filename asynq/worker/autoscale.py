"""Agent: gives the worker more slots while work waits, and takes them back when it does not.

Slots on an event loop cost nothing while tasks wait for a database or a network: then more of them
are more work done. Tasks that compute share one processor; there, more slots only make each take
longer, and the loop answers late. So this looks at both. Work waits and the loop answers in time:
half as many slots again, each second. The loop answers late: a quarter fewer. Half of the slots
idle for half a minute: down to what is used.

It does nothing, and costs nothing, until it is switched on: by `--autoscale=MAX,MIN`, or from
remote.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from asynq.exceptions import ImproperlyConfigured
from asynq.worker.consumer import Consumer
from asynq.worker.state import WorkerState

logger = logging.getLogger("asynq.worker")

LOOK_SECONDS: Final = 1.0
LATE_SECONDS: Final = 0.25
"""How late the event loop may answer."""
IDLE_SECONDS: Final = 30.0
"""How long half of the slots must be idle before there are fewer."""


class Autoscaler:
    """Chooses the number of slots.

    Args:
        consumer: Whose.
        state: What the worker holds.
        reserve: How many tasks are fetched beyond so many slots.
    """

    def __init__(
        self, consumer: Consumer, state: WorkerState, *, reserve: Callable[[int], int]
    ) -> None:
        self._consumer = consumer
        self._state = state
        self._reserve = reserve
        self.bounds: tuple[int, int] | None = None
        """The most slots, and the fewest; None: switched off."""
        self._on = asyncio.Event()
        self._idle = 0.0

    def switch_on(self, most: int, fewest: int) -> None:
        """Choose within these bounds from now on.

        Raises:
            ValueError: they make no sense.
        """
        if not 1 <= fewest <= most:
            raise ValueError(f"expected MAX and MIN with 1 <= MIN <= MAX, got {most} and {fewest}")
        self.bounds = most, fewest
        self.resize(max(fewest, min(most, self._consumer.slots)))
        self._on.set()

    def resize(self, slots: int) -> None:
        """Have so many slots, whether it is switched on or not."""
        if slots != self._consumer.slots:
            logger.info("%s slots, where there were %s", slots, self._consumer.slots)
            self._consumer.resize(slots, self._reserve(slots))

    async def run(self) -> None:
        """Choose until cancelled."""
        loop = asyncio.get_running_loop()
        await self._on.wait()
        while True:
            before = loop.time()
            await asyncio.sleep(LOOK_SECONDS)
            self.look(late=loop.time() - before - LOOK_SECONDS)

    def look(self, *, late: float) -> None:
        """See whether the number is right.

        Args:
            late: Seconds that the event loop took to answer.
        """
        if self.bounds is None:
            return
        most, fewest = self.bounds
        slots, free = self._consumer.slots, self._consumer.free
        self._idle = self._idle + LOOK_SECONDS if free > slots / 2 else 0.0
        if late > LATE_SECONDS:
            self.resize(max(fewest, slots - max(1, slots // 4)))
        elif free <= 0 and self._state.reserved:
            self.resize(min(most, slots + max(1, slots // 2)))
        elif self._idle >= IDLE_SECONDS:
            self._idle = 0.0
            self.resize(max(fewest, slots - free))


def slots_within(
    autoscale: tuple[int, int] | None, concurrency: int | None, default: int
) -> tuple[int, tuple[int, int] | None]:
    """How many slots a worker has in the beginning, and the bounds for more.

    Raises:
        ImproperlyConfigured: the bounds make no sense, or `concurrency` is not within them.
    """
    if autoscale is None:
        return default if concurrency is None else concurrency, None
    most, fewest = autoscale
    if not 1 <= fewest <= most:
        raise ImproperlyConfigured(
            f"autoscale: expected MAX,MIN with 1 <= MIN <= MAX, got {most},{fewest}"
        )
    if concurrency is not None and not fewest <= concurrency <= most:
        raise ImproperlyConfigured(
            f"concurrency {concurrency} is not within autoscale's {fewest} to {most}"
        )
    return concurrency or fewest, (most, fewest)
