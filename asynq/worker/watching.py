"""Who watches what becomes of deliveries: metrics, for one. Nobody, and it costs nothing.

Signals tell of runs where they run, and wait for their receivers. A watcher is told of everything
in the worker itself, also of what ran in a child process, or was refused and never ran; it returns
at once, and is for counting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from asynq._time import time
from asynq.execution.outcome import Outcome
from asynq.worker.admission import Refusal
from asynq.worker.state import Run

logger = logging.getLogger("asynq.worker")


class Watcher(Protocol):
    """What is told. Called on the event loop, so no method may block."""

    def begun(self, run: Run, waited: float | None) -> None:
        """A run has its slot. `waited`: seconds since it came into its queue, was handed back or
        was due; None: the broker can't tell."""

    def ended(self, run: Run, outcome: Outcome) -> None:
        """A run has ended, with the outcome that is stored."""

    def refused(self, refusal: Refusal) -> None:
        """A delivery does not run, here or at all."""


class Watching:
    """The watchers of one worker.

    Attributes:
        watchers: Those there are; test it before calling a method.
        now: The broker's clock (Unix time, seconds).
    """

    def __init__(self, now: Callable[[], float] = time) -> None:
        self.watchers: tuple[Watcher, ...] = ()
        self.now = now

    def add(self, watcher: Watcher) -> None:
        """Tell this one too."""
        self.watchers = (*self.watchers, watcher)

    def begun(self, run: Run) -> None:
        """Tell all of a run that begins."""
        since = run.delivery.since
        waited = None if since is None else max(self.now() - since, 0.0)
        for watcher in self.watchers:
            try:
                watcher.begun(run, waited)
            except Exception:
                _complain(watcher)

    def ended(self, run: Run, outcome: Outcome) -> None:
        """Tell all of a run that has ended."""
        for watcher in self.watchers:
            try:
                watcher.ended(run, outcome)
            except Exception:
                _complain(watcher)

    def refused(self, refusal: Refusal) -> None:
        """Tell all of what does not run."""
        for watcher in self.watchers:
            try:
                watcher.refused(refusal)
            except Exception:
                _complain(watcher)


def _complain(watcher: Watcher) -> None:
    logger.exception("%r, which watches the worker, has failed", watcher)
