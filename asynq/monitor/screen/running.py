"""Shows the screen in a terminal, and leaves the terminal as it was."""

from __future__ import annotations

import asyncio
import io
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from asynq.app import Asynq
from asynq.monitor.cluster import Cluster
from asynq.monitor.screen.program import Monitor

HELD: Final = 200
"""Lines of logs that are told when the screen is gone: the last."""


async def show(app: Asynq) -> None:
    """Show an app's cluster until somebody leaves.

    Raises:
        Exception: what has ended it otherwise.
    """
    monitor, loop = Monitor(Cluster(app)), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, monitor.exit)
    with logs_held():
        try:
            await monitor.run_async()
        finally:
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)
    if monitor.failure is not None:
        raise monitor.failure


@contextmanager
def logs_held() -> Iterator[None]:
    """Keep what is logged to the terminal off the screen, and say it afterwards."""
    held = io.StringIO()
    moved = [
        (handler, handler.setStream(held))
        for handler in _handlers()
        if handler.stream in (sys.__stderr__, sys.__stdout__, sys.stderr, sys.stdout)
    ]
    try:
        yield
    finally:
        for handler, stream in moved:
            if stream is not None:
                handler.setStream(stream)
        for line in held.getvalue().splitlines()[-HELD:]:
            print(line, file=sys.stderr)


def _handlers() -> Iterator[logging.StreamHandler[io.TextIOBase]]:
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        if isinstance(handler, logging.StreamHandler):
            yield handler
