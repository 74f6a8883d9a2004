"""How long to wait before asking a server again that did not answer."""

from __future__ import annotations

import random


class Backoff:
    """Doubling waits with full jitter, so that a thousand clients do not come back at once.

    Args:
        first: The longest first wait, in seconds.
        most: The longest wait of all.
    """

    __slots__ = ("_ceiling", "_first", "_most")

    def __init__(self, first: float = 0.05, most: float = 2.0) -> None:
        self._first = first
        self._most = most
        self._ceiling = first

    def next(self) -> float:
        """Seconds to wait now."""
        ceiling = self._ceiling
        self._ceiling = min(ceiling * 2, self._most)
        return random.uniform(ceiling / 10, ceiling)

    def reset(self) -> None:
        """The server answered: begin small next time."""
        self._ceiling = self._first
