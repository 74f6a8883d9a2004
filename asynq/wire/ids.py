"""Names that nobody else gives: of tasks, and of clients.

A task's id is a UUID of version 7 (RFC 9562): it begins with the time, so ids sort by age, which
is also kind to a database's index. Within a process each is greater than the one before it, in the
same millisecond and over a clock that was set back too.
"""

from __future__ import annotations

import os
import secrets
from struct import Struct
from threading import Lock
from time import time_ns
from typing import Final

_BLOCK: Final = Struct("512Q")
_LOW: Final = (1 << 62) - 1
_VARIANT: Final = 1 << 63


class _Sequence:
    """Ascending numbers of 122 bits, all that a UUID of version 7 has besides its marks.

    The upper 48 bits are milliseconds, the rest is random when the clock has moved on, else the
    number before plus a random step: it can't be guessed, and won't run into the next millisecond
    for some 10¹² ids.
    """

    def __init__(self) -> None:
        self._last = 0
        self._time = 0
        self.restart()

    def restart(self) -> None:
        """Forget the random bits at hand: in a forked child they would give its parent's ids."""
        self._lock = Lock()
        self._random: list[int] = []

    def next(self) -> int:
        with self._lock:
            if len(self._random) < 2:
                # The kernel is asked once for many: a call for each would cost more than the id.
                self._random.extend(_BLOCK.unpack(os.urandom(_BLOCK.size)))
            bits = self._random.pop()
            now = time_ns() // 1_000_000
            if now > self._time:
                self._time = now
                self._last = now << 74 | (self._random.pop() & 0x7FF) << 62 | bits >> 2
            else:
                self._last += (bits & 0xFFFF_FFFF) + 1
                self._time = self._last >> 74
            return self._last


_sequence = _Sequence()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_sequence.restart)


def new_id() -> str:
    """A new task id, as text of 36 characters."""
    number = _sequence.next()
    # Of 128 bits: the version (7) before the last 12 of the upper half, the variant atop the lower.
    high, low = "%015x" % (number >> 62), "%x" % (number & _LOW | _VARIANT)
    return f"{high[:8]}-{high[8:12]}-7{high[12:]}-{low[:4]}-{low[4:]}"


def short_id() -> str:
    """16 characters for a name that need not sort: of a client, a batch, a consumer."""
    return secrets.token_hex(8)
