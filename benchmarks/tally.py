"""Counts executions outside of the server, at next to no cost: a file mapped into memory.

Each thread of each process has a slot of its own there: how many bodies have ended, and when the
first and the last of them did. Who measures maps the same file. It is imported by the worker of
every system, so it has nothing but the standard library.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
from pathlib import Path
from time import monotonic
from typing import NamedTuple

SLOTS = 16_384
"""Threads of all processes together; greenlets, where threads are patched to be those."""

_CELLS = 4
"""In a slot, all doubles: bodies ended, `monotonic()` of the first and of the last, process."""


class Total(NamedTuple):
    """All that has been counted; times are 0 where nothing has."""

    ended: int
    first: float
    last: float
    processes: int
    """That have ended a body."""


class Sheet:
    """The tally in one file, for who writes and for who reads: the slots taken, then the slots."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        with open(path, "r+b") as file:
            self._cells = memoryview(mmap.mmap(file.fileno(), 0)).cast("d")
        self._claiming = threading.Lock()

    @classmethod
    def create(cls, path: Path) -> Sheet:
        """Make an empty one, in place of what was there."""
        path.unlink(missing_ok=True)
        with path.open("wb") as file:
            file.truncate(8 * (1 + SLOTS * _CELLS))
        return cls(path)

    def claim(self) -> memoryview[float]:
        """Take a slot that nobody else has: its cells, the process in it."""
        with self._claiming, open(self._path, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
            taken = int(self._cells[0])
            if taken == SLOTS:
                raise RuntimeError(f"more than {SLOTS:,} threads have counted")
            self._cells[0] = taken + 1.0
        begin = 1 + taken * _CELLS
        cells = self._cells[begin : begin + _CELLS]
        cells[3] = os.getpid()
        return cells

    def read(self) -> Total:
        """Add up all slots."""
        used = self._cells[1 : 1 + int(self._cells[0]) * _CELLS].tolist()
        slots = [used[at : at + _CELLS] for at in range(0, len(used), _CELLS) if used[at]]
        if not slots:
            return Total(0, 0.0, 0.0, 0)
        counts, firsts, lasts, processes = zip(*slots, strict=True)
        return Total(int(sum(counts)), min(firsts), max(lasts), len({*processes}))


class _Mine(threading.local):
    cells: memoryview[float]


_mine = _Mine()
_sheets: list[Sheet] = []
_opening = threading.Lock()


def count() -> None:
    """Note that one body has ended: the last thing that it does."""
    now = monotonic()
    try:
        cells = _mine.cells
    except AttributeError:
        cells = _mine.cells = _claim()
    if not cells[0]:
        cells[1] = now
    cells[2] = now
    cells[0] += 1.0


def _claim() -> memoryview[float]:
    with _opening:
        if not _sheets:
            _sheets.append(Sheet(os.environ["BENCH_TALLY"]))
    return _sheets[0].claim()


def _forget() -> None:
    """In a forked child, whose slots are others than its parent's."""
    global _mine, _opening
    _mine, _opening = _Mine(), threading.Lock()
    _sheets.clear()


os.register_at_fork(after_in_child=_forget)
