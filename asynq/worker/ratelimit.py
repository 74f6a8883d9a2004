"""Lets the runs of a task begin no more often than its `rate_limit` allows, on this worker.

A task that comes too early must not hold a slot, nor keep others behind it from theirs, nor be lost
with the worker. Two things can be done with it. Where its turn is near, it waits here, beside the
slots, still ours by its lease, and begins on time. Where its turn is far, it goes back to the
server, which keeps it until shortly before: so a thousand tasks of two an hour leave no worker with
a thousand messages, and one that is stopped or dies has nothing to lose.

How far is a guess where there are many: each that is sent back is given the next turn behind all
others that this worker has sent back. Other workers may take them, and new ones may come in
between; who comes back too early waits, or is sent back again. It counts as no attempt.

A task has no saved-up turns: after an hour without calls, two begin as far apart as ever.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

from asynq.brokers.base import Delivery
from asynq.worker.state import Run, WorkerState

NEAR: Final = 1.0
"""Seconds that a task waits here for its turn."""
HELD: Final = 100
"""Tasks of one name that wait here."""
FAR: Final = 600.0
"""Seconds that the server keeps one at most: by then its limit may be another."""
DUE: Final = 1e-4
"""Seconds that a turn may be early: clocks and timers have their grain."""


class RateLimits:
    """Who may begin, of the tasks that have a limit.

    Args:
        state: The worker's; in its `throttled` are those that wait here.
        first: Begins one whose turn has come, as soon as there is a slot.
        put_off: Gives one back to the server for so many seconds.
    """

    def __init__(
        self,
        state: WorkerState,
        *,
        first: Callable[[Delivery], None],
        put_off: Callable[[Delivery, float], None],
    ) -> None:
        self._state = state
        self._first = first
        self._put_off = put_off
        self._lines: dict[str, _Line] = {}
        self._lines_of: dict[Delivery, _Line] = {}
        """In which line each of those stands that wait here."""
        self._granted: set[Delivery] = set()
        """Those whose turn has come, on their way to a slot."""

    def may_begin(self, run: Run, rate: float) -> bool:
        """May it begin now? If not, it waits, here or on the server, and must not begin.

        Args:
            run: What is about to begin.
            rate: How many a second may.
        """
        if run.delivery in self._granted:
            self._granted.discard(run.delivery)
            return True
        now = asyncio.get_running_loop().time()
        line = self._lines.get(run.task.name)
        if line is None:
            line = self._lines[run.task.name] = _Line(now)
        every = 1 / rate
        turn = line.turn_after(now, every)
        if turn <= now + DUE:
            line.last = turn
            return True
        if turn - now <= NEAR and line.held < HELD:
            line.last = turn
            self._hold(run, line, turn)
        else:
            self._put_off(run.delivery, line.back_in(now, every))
        return False

    def release(self, delivery: Delivery) -> bool:
        """It does not wait here any more, whatever becomes of it; False: it did not."""
        timer = self._state.throttled.pop(delivery, None)
        if timer is None:
            return False
        timer.cancel()
        self._lines_of.pop(delivery).held -= 1
        return True

    def forget(self, delivery: Delivery) -> None:
        """What had its turn is gone before it began."""
        self._granted.discard(delivery)

    def stop(self) -> list[Delivery]:
        """Let nobody begin any more; returns who waited, for handing back."""
        left = list(self._state.throttled)
        for delivery in left:
            self.release(delivery)
        return left

    def _hold(self, run: Run, line: _Line, turn: float) -> None:
        line.held += 1
        delivery = run.delivery
        loop = asyncio.get_running_loop()
        self._lines_of[delivery] = line
        self._state.throttled[delivery] = loop.call_at(turn, self._begin, delivery)

    def _begin(self, delivery: Delivery) -> None:
        self._state.throttled.pop(delivery, None)
        self._lines_of.pop(delivery).held -= 1
        self._granted.add(delivery)
        self._first(delivery)


class _Line:
    """Who waits for a turn of one task, in the event loop's time.

    Args:
        now: The time; the first turn is now.
    """

    def __init__(self, now: float) -> None:
        self.last = -float("inf")
        """The last turn that was given away."""
        self.held = 0
        """How many wait here."""
        self._end = now
        """When the last that was sent back is to come again."""

    def turn_after(self, now: float, every: float) -> float:
        """The next turn that is free."""
        return max(now, self.last + every)

    def back_in(self, now: float, every: float) -> float:
        """In how many seconds one that is sent back shall come again: a bit before its turn."""
        self._end = max(self._end, self.turn_after(now, every) - every, now) + every
        away = self._end - now - NEAR / 2
        if away > FAR:  # not all of them at the same moment
            return random.uniform(FAR / 2, FAR)
        return max(away, NEAR / 2)
