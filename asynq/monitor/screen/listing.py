"""The tasks that are shown: those of a query, found bit by bit, and kept while somebody reads.

While nobody moves, the list is made anew with what comes in. Once somebody has gone down in it, it
stays as it is, so that nothing moves away under a finger; what is told of its tasks still changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from asynq._time import monotonic
from asynq.events.seen import Task
from asynq.events.state import State

FIRST: Final = 200
"""Tasks that are looked for at first."""
ALL: Final = 1 << 40


class Query(Struct, frozen=True, kw_only=True):
    """What is asked for; None: anything."""

    text: str = ""
    name: str | None = None
    state: str | None = None
    worker: str | None = None
    queue: str | None = None

    @property
    def is_open(self) -> bool:
        """Nothing is asked for: all tasks are shown."""
        return self == Query()


class Listing:
    """The tasks of a query.

    Attributes:
        rows: Those that were found, the newest first.
        complete: There are no more.
        known: How many tasks there were altogether when it was made.
    """

    def __init__(self) -> None:
        self.rows: list[Task] = []
        self.complete = True
        self.known = 0
        self._wanted = 0
        self._coming: list[Task] | None = None
        """Those of a new list, until it can take the place of the old one."""
        self._found: Iterator[Task | None] = iter(())
        self._rest: Callable[[], list[Task]] | None = None

    def begin(self, state: State, asked: Query) -> None:
        """Make it anew; `fill` it then."""
        self.known = len(state.tasks)
        self._rest, self._coming, self._wanted = None, None, FIRST
        if asked.is_open:
            self.rows, self.complete = list(state.tasks.values())[::-1], True
            return
        name, task_state, worker, queue = asked.name, asked.state, asked.worker, asked.queue
        if asked.text:
            self._found = state.search(
                name=name, state=task_state, worker=worker, queue=queue, text=asked.text
            )
            self._coming, self.complete = [], False
            return

        def find(limit: int | None) -> list[Task]:
            return state.find(name=name, state=task_state, worker=worker, queue=queue, limit=limit)

        self.rows = find(FIRST)
        self.complete = len(self.rows) < FIRST
        # All the others at once, when they are wanted: what is found is not found in steps.
        self._rest = None if self.complete else lambda: find(None)

    def want(self, rows: int) -> bool:
        """Have it hold so many; is there something to `fill`?"""
        if not self.complete and rows > self._wanted:
            self._wanted = rows
            if self._rest is not None:
                last = self.rows[-1].number
                self.rows += [task for task in self._rest() if task.number < last]
                self._rest, self.complete = None, True
        return self.unfilled

    @property
    def unfilled(self) -> bool:
        """There is something to look for."""
        rows = self.rows if self._coming is None else self._coming
        return not self.complete and len(rows) < self._wanted

    def fill(self, seconds: float) -> bool:
        """Look for so long; True: that is all that is wanted now."""
        rows = self.rows if self._coming is None else self._coming
        until = monotonic() + seconds
        while len(rows) < self._wanted:
            try:
                task = next(self._found)
            except StopIteration:
                self.complete = True
                break
            if task is not None:
                rows.append(task)
                if len(rows) % 64:
                    continue
            if monotonic() >= until:
                return False
        self.rows, self._coming = rows, None
        return True
