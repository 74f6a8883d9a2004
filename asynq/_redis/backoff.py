"""How long to wait before asking a server again that did not answer, or sent us away."""

from __future__ import annotations

import random

from asynq._time import monotonic


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


class Gate:
    """Stays shut for a while after the server has sent us away; then one may try again.

    A server without a free connection, or that refuses our password, does not get better by being
    asked several times a second, and each try costs it a connection and a line in its log.
    Everybody who connects through the same `Server` shares the gate, threads too.
    """

    __slots__ = ("_backoff", "_reason", "_until")

    def __init__(self) -> None:
        self._until = 0.0
        self._reason: Exception | None = None
        self._backoff: Backoff | None = None

    def pass_through(self) -> None:
        """Do nothing when it is open.

        Raises:
            Exception: what it was shut with, when it is shut.
        """
        if self._reason is not None and monotonic() < self._until:
            # A new one for each: an error raised in many tasks would collect their tracebacks.
            raise type(self._reason)(*self._reason.args)

    def shut(self, reason: Exception, first: float, most: float) -> None:
        """Close it: for about `first` seconds, doubling up to `most` as it goes on."""
        if type(self._reason) is not type(reason) or self._backoff is None:
            self._backoff = Backoff(first, most)
        self._reason = reason
        self._until = monotonic() + max(first, self._backoff.next())

    def open(self) -> None:
        """We were let in."""
        self._reason = self._backoff = None
