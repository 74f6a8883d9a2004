"""Names that nobody else gives: of tasks, and of clients.

A task's id is a UUID of version 7 (RFC 9562): it begins with the time, so ids sort by age, which
is also kind to a database's index. Within a process each is greater than the one before it, in the
same millisecond and over a clock that was set back too.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from struct import Struct
from threading import Lock
from time import time_ns
from typing import Final

_BLOCK: Final = Struct("512Q")
_MILLISECOND: Final = 1_000_000
"""In nanoseconds."""
_FULL: Final = 1 << 48


class _Sequence:
    """Ascending UUIDs of version 7.

    All but the last 48 bits (milliseconds, version, variant, 25 random bits) is made once a
    millisecond. The rest begins at random and grows by random steps: it can't be guessed, and lasts
    for more than 30,000 ids, after which the next millisecond is begun before its time.
    """

    def __init__(self) -> None:
        self._begun = 0
        self._next = 0
        """The time (ns) from which a later millisecond is begun."""
        self._head = ""
        self._tail = 0
        self.restart()

    def restart(self) -> None:
        """Forget the random bits at hand: in a forked child they would give its parent's ids."""
        self._lock = Lock()
        self._random: list[int] = []

    def next(self) -> str:
        with self._lock:
            # The kernel is asked once for many: a call for each would cost more than the id.
            random = self._random or self._more()
            now = time_ns()
            if now >= self._next:
                self._begin(now // _MILLISECOND, random.pop())
            else:
                self._tail += (random.pop() & 0xFFFF_FFFF) + 1
                if self._tail >= _FULL:
                    self._begin(self._begun + 1, (self._random or self._more()).pop())
            # Twice as fast as what formats a number.
            return self._head + self._tail.to_bytes(6, "big").hex()

    def block(self, count: int) -> str:
        with self._lock:
            random = self._random or self._more()
            self._tail += (random.pop() & 0xFFFF_FFFF) + 1
            now = time_ns()
            if now >= self._next or self._tail + count >= _FULL:
                bits = (self._random or self._more()).pop()
                self._begin(max(now // _MILLISECOND, self._begun + 1), bits)
            first = f"{self._head}{self._tail:012x}"
            self._tail += count
            return first

    def _more(self) -> list[int]:
        self._random.extend(_BLOCK.unpack(os.urandom(_BLOCK.size)))
        return self._random

    def _begin(self, milliseconds: int, bits: int) -> None:
        self._begun = milliseconds
        self._next = (milliseconds + 1) * _MILLISECOND
        time, tail = f"{milliseconds:012x}", (self._random or self._more()).pop()
        # The version (7) stands before 12 bits, the variant (two bits) atop the next 14. The tail
        # begins in the first half of what is left to it.
        upper, middle = bits & 0x7FF, 0x8000 | bits >> 50
        self._head = f"{time[:8]}-{time[8:]}-7{upper:03x}-{middle:04x}-"
        self._tail = tail >> 17


_sequence = _Sequence()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_sequence.restart)


def new_id() -> str:
    """A new task id, as text of 36 characters."""
    return _sequence.next()


def new_block(count: int) -> str:
    """A task id of which the next `count` are nobody else's either: see `nth`."""
    return _sequence.block(count)


def nth(first: str, number: int) -> str:
    """The id that comes so many after the first of a block."""
    head, _, tail = first.rpartition("-")
    return f"{head}-{int(tail, 16) + number:012x}"


def step_id(chosen: Mapping[int, str], workflow: str, number: int) -> str:
    """The id of a workflow's step: one that was chosen, or the one that follows from its number."""
    return chosen.get(number) or nth(workflow, number)


def short_id() -> str:
    """16 characters for a name that need not sort: of a client, a batch, a consumer."""
    return secrets.token_hex(8)
