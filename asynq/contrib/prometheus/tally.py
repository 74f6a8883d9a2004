"""What a worker's deliveries come to, as plain numbers: cheap to count, read when somebody asks.

Counted on the event loop, read by the thread that answers a scrape: a number more or less in one
reading is in the next.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from asynq import states
from asynq._time import monotonic
from asynq.brokers.base import Bury, Requeue
from asynq.execution.outcome import (
    Failed,
    Ignored,
    Interrupted,
    Outcome,
    Rejected,
    Replaced,
    Retrying,
    Revoked,
    Success,
)

if TYPE_CHECKING:  # a program that only sends does not load the worker
    from asynq.worker.admission import Refusal
    from asynq.worker.state import Run

BUCKETS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(60.0, 300.0, 900.0, 3600.0),
)
"""Seconds: from a quick query to an hour's batch, and a queue that nobody serves."""

OTHER: Final = "other"
"""What stands for all names that are not known here."""

STATES: Final[dict[type, str]] = {
    Success: "success",
    Failed: "failure",
    Retrying: "retry",
    Replaced: "replaced",
    Ignored: "ignored",
    Rejected: "rejected",
    Revoked: "revoked",
    Interrupted: "interrupted",
}
"""What a run's outcome is called in a label."""


class Histogram:
    """How many values were at most how large.

    Args:
        bounds: Ascending; what is above the last has a place of its own.
    """

    __slots__ = ("_bounds", "_counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """One value more."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        """Each bound as Prometheus writes it, and how many values were at most that."""
        total, found = 0, []
        for bound, count in zip((*self._bounds, float("inf")), list(self._counts), strict=True):
            total += count
            found.append(("+Inf" if bound == float("inf") else str(float(bound)), float(total)))
        return found


class Tally:
    """Counts what a worker is told to watch (see `asynq.worker.watching.Watcher`).

    Args:
        bounds: Of the histograms, in seconds.
    """

    def __init__(self, bounds: Sequence[float] = BUCKETS) -> None:
        self._bounds = bounds
        self.ends: Counter[tuple[str, str]] = Counter()
        """By task and how it ended."""
        self.waits: dict[str, Histogram] = {}
        """Seconds until a run began, by queue."""
        self.runs: dict[str, Histogram] = {}
        """Seconds that runs took, by task."""

    def begun(self, run: Run, waited: float | None) -> None:
        """A run has its slot."""
        if waited is None:
            return
        queue = run.delivery.queue
        waits = self.waits.get(queue)
        if waits is None:
            waits = self.waits[queue] = Histogram(self._bounds)
        waits.observe(waited)

    def ended(self, run: Run, outcome: Outcome) -> None:
        """A run has ended."""
        task = run.task.name
        state = STATES[type(outcome)]
        if state == "success" and outcome.again is not None:  # type: ignore[union-attr]
            state = "retry"
        self.ends[task, state] += 1
        runs = self.runs.get(task)
        if runs is None:
            runs = self.runs[task] = Histogram(self._bounds)
        runs.observe(monotonic() - run.started)

    def refused(self, refusal: Refusal) -> None:
        """A delivery does not run. Where its task is not known here, anybody may have named it."""
        task = OTHER if refusal.task is None else refusal.task.name
        self.ends[task, _refused(refusal)] += 1


def _refused(refusal: Refusal) -> str:
    if refusal.state == states.REVOKED:
        return "revoked"
    if refusal.parked:
        return "parked"
    match refusal.verdict:
        case Requeue():  # for a worker that knows it
            return "unknown"
        case Bury():
            return "rejected"
    return "failure"
