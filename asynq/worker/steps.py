"""Steps of starting and stopping a worker, each with the one thing that is hard about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from asynq.exceptions import AsynqError

logger = logging.getLogger("asynq.worker")

GOODBYE_SECONDS = 5.0
"""How long the last calls to the server may take."""


async def quietly(step: Coroutine[None, None, None], what: str) -> None:
    """A step of stopping: it may fail, and must not keep the worker from stopping."""
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            await step
    except (AsynqError, TimeoutError) as error:
        why = str(error) or f"no answer within {GOODBYE_SECONDS:g} s"
        logger.error("Could not %s: %s. Leases will run out instead", what, why)


async def first(task: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait until the task is done or the event is set."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def only(error: BaseException) -> BaseException:
    """The one error that a group holds; the group itself where it holds several.

    What several agents were told in the same words, by the same server say, is one error.
    """
    while isinstance(error, BaseExceptionGroup):
        first, *others = map(only, error.exceptions)
        if any((type(other), str(other)) != (type(first), str(first)) for other in others):
            break
        error = first
    return error
