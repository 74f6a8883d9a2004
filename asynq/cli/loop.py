"""The one place that chooses an event loop: uvloop where it is installed."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

try:
    import uvloop
except ImportError:  # Windows, or taken out on purpose
    _factory: Callable[[], asyncio.AbstractEventLoop] | None = None
else:
    _factory = uvloop.new_event_loop

T = TypeVar("T")

logger = logging.getLogger("asynq")

PATIENCE = 1.0
"""Seconds that asyncio tasks have to end when `main` has; a worker's had their time before."""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes our loops; None: asyncio's own."""
    return _factory


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on that loop, but only `main` may end it.

    A `SystemExit` in any other asyncio task stops a loop from inside, and so does a
    `KeyboardInterrupt`. Raised in what a task has started, it would end the worker, go back to the
    queue, and end the next one.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        task = runner.get_loop().create_task(main)
        while not task.done():
            try:
                runner.run(_end(task))
            except (SystemExit, KeyboardInterrupt) as error:
                if isinstance(error, KeyboardInterrupt) and _ctrl_c_raises():
                    raise
                if not task.done():
                    logger.error("Something that a task has started called for an exit: %r", error)
        with suppress(SystemExit, KeyboardInterrupt):
            runner.run(_end_the_rest())
        return task.result()


def _ctrl_c_raises() -> bool:
    """No longer, once the worker has the loop tell it of signals."""
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler


async def _end_the_rest() -> None:
    """Cancel what still runs, and forget what ignores that: closing the loop would wait for it."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        _, deaf = await asyncio.wait(rest, timeout=PATIENCE)
        for task in deaf:
            logger.warning("Leaving an asyncio task behind that ignores its cancellation: %r", task)
            asyncio._unregister_task(task)


async def _end(task: asyncio.Task[Any]) -> None:
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:  # Ctrl-C
        task.cancel()
        await asyncio.wait({task})
        if task.cancelled():
            raise
