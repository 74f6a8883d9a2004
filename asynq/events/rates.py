"""How much was done, second by second, and how long it took."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

KEPT: Final = 3600
"""Seconds that are kept."""
STEPS: Final = 8
"""Steps in which a runtime is counted, between one and its double: 9 % each."""


class Second(Struct):
    """What happened in one second."""

    at: int
    """Unix time."""
    received: int = 0
    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    revoked: int = 0
    rejected: int = 0
    runtime: float = 0.0
    """Of all that succeeded, in seconds."""
    longest: float = 0.0
    runtimes: Counter[int] = field(default_factory=Counter)
    """How many of what length, by the number of its step."""

    def ran(self, seconds: float) -> None:
        """One has succeeded that ran so long."""
        self.succeeded += 1
        self.runtime += seconds
        self.longest = max(self.longest, seconds)
        self.runtimes[step_of(seconds)] += 1


class Summary(Struct, frozen=True, kw_only=True):
    """What happened in a time."""

    seconds: int
    received: int
    succeeded: int
    failed: int
    retried: int
    revoked: int
    rejected: int
    mean: float | None
    """Of the runtime of those that succeeded, in seconds; None: there were none."""
    median: float | None
    p95: float | None
    """95 of 100 ran no longer, within 9 %."""
    longest: float | None

    @property
    def per_second(self) -> float:
        """How many were over, a second."""
        return (self.succeeded + self.failed + self.revoked) / self.seconds


class Rates:
    """The last hour, in seconds."""

    def __init__(self) -> None:
        self._seconds: dict[int, Second] = {}
        self._youngest = 0

    def second(self, timestamp: float) -> Second | None:
        """The second of that time; None: it is too long ago."""
        at = int(timestamp)
        found = self._seconds.get(at)
        if found is not None:
            return found
        if at <= self._youngest - KEPT:
            return None
        found = self._seconds[at] = Second(at)
        if at > self._youngest:
            self._youngest = at
            if len(self._seconds) > KEPT:
                for old in [each for each in self._seconds if each <= at - KEPT]:
                    del self._seconds[old]
        return found

    def series(self, seconds: int, until: float) -> list[Second]:
        """The last so many seconds before that time, empty ones too, the oldest first."""
        end = int(until)
        return [self._seconds.get(at) or Second(at) for at in range(end - seconds + 1, end + 1)]

    def summary(self, seconds: int, until: float) -> Summary:
        """The last so many seconds in one."""
        return summed(self.series(seconds, until))


def summed(several: Iterable[Second]) -> Summary:
    """Some seconds in one."""
    seconds = list(several)
    runtimes: Counter[int] = Counter()
    for each in seconds:
        runtimes.update(each.runtimes)
    succeeded = sum(each.succeeded for each in seconds)
    return Summary(
        seconds=len(seconds),
        received=sum(each.received for each in seconds),
        succeeded=succeeded,
        failed=sum(each.failed for each in seconds),
        retried=sum(each.retried for each in seconds),
        revoked=sum(each.revoked for each in seconds),
        rejected=sum(each.rejected for each in seconds),
        mean=sum(each.runtime for each in seconds) / succeeded if succeeded else None,
        median=share(runtimes, 0.5),
        p95=share(runtimes, 0.95),
        longest=max(each.longest for each in seconds) if succeeded else None,
    )


def step_of(seconds: float) -> int:
    """The number of the step that a runtime is in."""
    return round(math.log2(max(seconds, 1e-7)) * STEPS)


def share(runtimes: Counter[int], part: float) -> float | None:
    """The runtime that this part of all does not pass; None: there are none."""
    wanted, seen = runtimes.total() * part, 0
    for step in sorted(runtimes):
        seen += runtimes[step]
        if seen >= wanted:
            return float(2.0 ** (step / STEPS))
    return None
