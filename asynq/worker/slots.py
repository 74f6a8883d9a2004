"""The place of one run among the worker's slots, and the lending of it.

A task that awaits another task's result gives its slot away meanwhile. Without that, a worker with
one slot whose task awaits a second task would wait for ever. The task goes on as soon as the result
is there, if need be beyond the number of slots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


def reserve_of(slots: int, multiplier: int | None) -> int:
    """How many tasks may wait, fetched, for a slot.

    Args:
        slots: How many there are.
        multiplier: How many tasks are fetched for each slot; None: as is best.
    """
    return min(slots, 10) if multiplier is None else slots * (multiplier - 1)


class Slot:
    """One slot, taken by one run until `free`.

    Args:
        freed: Called when the slot is there for others.
        taken: Called when a lent slot is in use again.
    """

    __slots__ = ("_freed", "_over", "_taken", "_waits")

    def __init__(self, freed: Callable[[], None], taken: Callable[[], None]) -> None:
        self._freed = freed
        self._taken = taken
        self._waits = 0
        self._over = False

    @property
    def is_lent(self) -> bool:
        """Does its run wait for another task?"""
        return self._waits > 0

    @contextmanager
    def lend(self) -> Iterator[None]:
        """Give the slot away while this is open.

        A task may wait for several results at the same time (`asyncio.gather`): it has one slot to
        give, and takes it back when the last of them is there.
        """
        self._waits += 1
        if self._waits == 1 and not self._over:
            self._freed()
        try:
            yield
        finally:
            self._waits -= 1
            if not self._waits and not self._over:
                self._taken()

    def free(self) -> None:
        """The run is over."""
        if not self._over:
            self._over = True
            if not self._waits:
                self._freed()
