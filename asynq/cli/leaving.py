"""How a worker's process ends when a thread that a task has started does not.

`asyncio.to_thread` and `run_in_executor` use the event loop's default executor, which is joined
when the loop closes, and its threads once more when Python ends. So one call that hangs keeps a
stopped worker alive for ever (python/cpython#111358). `def` tasks have daemon threads of their own.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from threading import enumerate as living

from asynq._time import monotonic

logger = logging.getLogger("asynq.worker")

PATIENCE = 1.0
"""Seconds that threads have to end by themselves: idle ones do at once."""


class DefaultExecutor(ThreadPoolExecutor):
    """An event loop's default executor whose calls are not waited for when the loop closes."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Begin nothing more, and return."""
        super().shutdown(wait=False, cancel_futures=True)


def leave(known: Collection[Thread], code: int = 0) -> None:
    """Return, to end in the usual way; end the process here where threads would keep it alive.

    Args:
        known: The threads that were there before the worker, and are not its to end.
        code: The process's exit code.
    """
    until = monotonic() + PATIENCE
    ours = [each for each in living() if each not in known and not each.daemon]
    for thread in ours:
        thread.join(max(0.0, until - monotonic()))
    left = [thread.name for thread in ours if thread.is_alive()]
    if not left:
        return
    logger.warning("Leaving threads behind that still run: %s", ", ".join(left))
    atexit._run_exitfuncs()  # an embedded server is released there
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
