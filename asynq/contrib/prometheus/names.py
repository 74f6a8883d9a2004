"""Which names may be labels: a label is kept for ever, by us and by Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final

from asynq.contrib.prometheus.tally import OTHER

MOST: Final = 100
"""Names that are not known, and are labels all the same: those that came first."""


class Names:
    """Lets known names through, and the first of the others.

    Args:
        known: Gives those that are known.
    """

    def __init__(self, known: Callable[[], Container[str]]) -> None:
        self._known = known
        self.more: dict[str, None] = {}
        """Those that are let through besides, as they came."""

    def label(self, name: str) -> str:
        """The name, or what stands for those that are too many."""
        if name in self.more or name in self._known():
            return name
        if len(self.more) < MOST:
            self.more[name] = None
            return name
        return OTHER
