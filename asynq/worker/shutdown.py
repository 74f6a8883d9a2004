"""How a worker is told to stop: three stages, each more pressing than the one before.

warm
    Take nothing new, hand back what was not started, let what runs end within the grace period.
cold
    Cancel what still runs and hand it back; threads that don't listen are left behind.
hard
    Leave at once. The leases run out, and other workers take over.

The first SIGTERM or SIGINT is warm, the second cold, the third hard (two within a tenth of a second
are one); SIGQUIT is cold at once.
SIGHUP is warm however often it comes: a shell and the kernel both send it when a terminal closes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from asynq._time import monotonic

logger = logging.getLogger("asynq.worker")

HARD_EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h: ended without putting things in order."""

ECHO_SECONDS = 0.1
"""A signal that follows another so closely is the same one."""


class Shutdown:
    """The stage reached, to be waited for."""

    def __init__(self) -> None:
        self.warm = asyncio.Event()
        self.cold = asyncio.Event()
        self._heeded = -ECHO_SECONDS

    @property
    def how(self) -> str:
        """``Warm`` or ``Cold``, as Celery's signals call it."""
        return "Cold" if self.cold.is_set() else "Warm"

    def begin_warm(self) -> None:
        """Go to the warm stage, and no further."""
        if not self.warm.is_set():
            self.next_stage()

    def heed(self) -> None:
        """A signal has come: go one stage further, unless it is the echo of the one before.

        Who stops a process and then its group (coreutils' `timeout`, some supervisors) says it
        twice within a moment, and means it once.
        """
        now = monotonic()
        if now - self._heeded > ECHO_SECONDS:
            self._heeded = now
            self.next_stage()

    def next_stage(self) -> None:
        """Go one stage further."""
        if not self.warm.is_set():
            logger.warning("Warm shutdown: running tasks may end (again: cancel them)")
            self.warm.set()
        elif not self.cold.is_set():
            self.cancel_running()
        else:
            logger.critical("Hard shutdown: leaving at once")
            os._exit(HARD_EXIT_CODE)

    def cancel_running(self) -> None:
        """Go to the cold stage."""
        logger.warning("Cold shutdown: cancelling what runs (again: leave at once)")
        self.warm.set()
        self.cold.set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let SIGTERM, SIGINT, SIGQUIT and SIGHUP reach us. Only in a main thread's loop."""
        loop = asyncio.get_running_loop()
        stages = {
            signal.SIGTERM: self.heed,
            signal.SIGINT: self.heed,
            signal.SIGQUIT: self.cancel_running,
        }
        if heeds_hangup():
            stages[signal.SIGHUP] = self.begin_warm
        for number, stage in stages.items():
            loop.add_signal_handler(number, stage)
        try:
            yield
        finally:
            for number in stages:
                loop.remove_signal_handler(number)


def heeds_hangup() -> bool:
    """Is SIGHUP meant for this process? Not under `nohup`, which has it ignored."""
    return signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
