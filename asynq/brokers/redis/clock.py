"""The server's time, as well as it is known here."""

from __future__ import annotations

from typing import Final

from asynq import _time

DRIFT: Final = 0.0005
"""Seconds by which two clocks may part in a second."""


class Clock:
    """Learns from answers that carry the server's time; asks nothing itself.

    Between two answers it goes on with the monotonic clock, so a jump of the machine's own clock
    does not move it. Every answer says between which bounds the difference lies: it was given
    between our asking and our hearing it. What several say together is closer than the best.
    """

    def __init__(self) -> None:
        self._low = self._high = 0.0
        """Bounds of the server's time minus our monotonic clock."""
        self._at: float | None = None
        """When they were true."""

    @property
    def is_known(self) -> bool:
        """Has there been an answer?"""
        return self._at is not None

    def now(self) -> float:
        """The server's Unix time, in seconds; before any answer, this machine's."""
        if self._at is None:
            return _time.time()
        return _time.monotonic() + (self._low + self._high) / 2

    def heard(self, server_ms: int | bytes, *, asked: float) -> None:
        """The server's time was in an answer that has just come.

        Args:
            server_ms: Milliseconds since 1970, rounded down.
            asked: When we asked, on our monotonic clock.
        """
        now = _time.monotonic()
        told = int(server_ms) / 1000
        low, high = told - now, told + 0.001 - asked
        if self._at is not None:
            spread = (now - self._at) * DRIFT
            closer = max(low, self._low - spread), min(high, self._high + spread)
            if closer[0] <= closer[1]:  # else one of the two clocks was set
                low, high = closer
        self._low, self._high, self._at = low, high, now
