"""One call at a moment of the loop's time, which may be set to another.

A handle of the loop is asked in vain when it will be: uvloop answers a `call_at` for this very
moment with one that does not know.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """Calls something once, at the time it was last set to.

    Args:
        loop: Whose time it is.
        ring: What to call.
    """

    __slots__ = ("_handle", "_loop", "_ring", "at")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], object]) -> None:
        self._loop = loop
        self._ring = ring
        self._handle: asyncio.Handle | None = None
        self.at = math.inf
        """When it will ring; infinity: it is not set."""

    def set(self, at: float) -> None:
        """Ring then, and not when it was set to before."""
        self.cancel()
        self.at = at
        self._handle = self._loop.call_at(at, self._go)

    def cancel(self) -> None:
        """Ring no more, until it is set again."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self.at = math.inf

    def _go(self) -> None:
        self._handle = None
        self.at = math.inf
        self._ring()
