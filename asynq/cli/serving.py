"""One worker that is this process: how it is served, and what is done beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from asynq import signals
from asynq._imports import import_object
from asynq.app import Asynq
from asynq.cli.leaving import DefaultExecutor
from asynq.cli.render import say
from asynq.multi.stages import Stages
from asynq.worker.processes import PARENT_PIPE, SHUT_DOWN, watch_parent
from asynq.worker.shutdown import HARD_EXIT_CODE
from asynq.worker.worker import Worker

Exposing = Callable[[], AbstractAsyncContextManager[object]]
"""Shows the worker's metrics while it is open."""


async def serve(
    app: Asynq,
    build: Callable[[], Worker],
    stages: Stages,
    exposing: Exposing = nullcontext,
    *,
    purge: bool = False,
    beat: bool = False,
) -> int:
    """Run a worker until it has ended.

    Args:
        app: Whose tasks.
        build: Makes the worker.
        stages: Told how far it is.
        exposing: Open while it runs.
        purge: Throw away what waits first.
        beat: Call periodic tasks too.

    Returns:
        The exit code.
    """
    worker = build()
    is_child = PARENT_PIPE in os.environ

    def ready() -> None:
        say(f"{worker.hostname} ready.")
        stages.ready()

    stages.loaded()
    asyncio.get_running_loop().set_default_executor(DefaultExecutor())
    async with app:
        if purge:
            await _throw_away(app, worker)
        watch_parent(worker.stop)
        async with exposing(), _beat_beside(app, worker) if beat else nullcontext():
            await worker.run(on_ready=ready)
    if worker.worn_out:
        return HARD_EXIT_CODE
    return SHUT_DOWN if worker.shut_down and is_child else 0


@asynccontextmanager
async def _beat_beside(app: Asynq, worker: Worker) -> AsyncIterator[None]:
    """Fire periodic tasks until the worker begins to stop."""
    # Not imported with this module: most workers have no beat.
    make: Callable[..., AbstractAsyncContextManager[Any]] = import_object("asynq.beat.beat:Beat")
    async with make(app, embedded=True) as companion:

        def stop(**_: object) -> None:
            companion.stop()

        signals.worker_shutting_down.connect(stop, sender=worker.hostname)
        try:
            yield
        finally:
            signals.worker_shutting_down.disconnect(stop, sender=worker.hostname)


async def purge_queues(app: Asynq, worker: Worker) -> None:
    """Throw away all that waits in its queues, and say how much that was."""
    async with app:
        await _throw_away(app, worker)


async def _throw_away(app: Asynq, worker: Worker) -> None:
    count = sum([await app.broker.purge(queue) for queue in worker.queues])
    say(f"Purged {count} {'task' if count == 1 else 'tasks'} from {', '.join(worker.queues)}.")
