"""An app in memory, with its worker, until a block ends."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Final
from weakref import WeakKeyDictionary

from asynq._memory.space import Space, drop_space, open_space
from asynq.app import Asynq
from asynq.task import AnyTask
from asynq.testing.assertions import Outbox, Sent
from asynq.worker.worker import Worker

GRACE: Final = 5.0
"""Seconds that tasks have to end when the block does."""


@asynccontextmanager
async def in_memory(
    app: Asynq,
    *,
    worker: bool = True,
    queues: Sequence[str] | None = None,
    concurrency: int = 10,
    **settings: object,
) -> AsyncIterator[Outbox]:
    """The app on queues and results of this process alone, empty at first, until the block ends.

    No server, no other process: what is sent in the block runs in the block, on this event loop
    (`def` tasks in threads), with the same encoding and decoding as elsewhere. Whatever broker the
    app or the environment names is left alone. One block at a time for an app.

    Args:
        app: The app.
        worker: Run its tasks too. Without one, calls are only kept, to be asserted on.
        queues: What the worker serves; default: the declared queues, and those tasks are routed to.
        concurrency: How many tasks may run at once.
        **settings: Settings for the time of the block; they stand over all others.

    Yields:
        What the app has sent: see `Outbox`.
    """
    # What another event loop opened in an earlier block (`asynq.run`) must still fit in this one,
    # so the space is cleared, and stays as long as the app.
    server = f"memory://app-{id(app):x}"
    await app.aclose()
    with app.conf.overridden(**{"broker_url": server, "result_backend": server, **settings}):
        space = _empty_space(app, server)
        outbox = _outboxes[app] = Outbox(app, space)
        space.watchers.append(outbox.watch)
        try:
            async with _worker(app, queues, concurrency) if worker else nullcontext():
                yield outbox
        finally:
            _outboxes[app] = None
            space.watchers.clear()
            space.clear()
            await app.aclose()


def assert_enqueued(
    task: AnyTask,
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    queue: str | None = None,
    times: int | None = None,
) -> list[Sent]:
    """`Outbox.assert_enqueued` of the block that the task's app is in.

    Raises:
        RuntimeError: it is in none.
    """
    outbox = next((outbox for app, outbox in _outboxes.items() if app is task.app), None)
    if outbox is not None:
        return outbox.assert_enqueued(task, args=args, kwargs=kwargs, queue=queue, times=times)
    raise RuntimeError(
        f"nothing is known of what was sent: call {task.name} inside "
        "`async with asynq.testing.in_memory(app):`"
    )


def _worker(app: Asynq, queues: Sequence[str] | None, concurrency: int) -> Worker:
    app.import_modules()
    return Worker(app, queues=queues or _queues(app), concurrency=concurrency, grace=GRACE)


def _queues(app: Asynq) -> list[str]:
    """The declared queues, and those that the tasks go to of themselves."""
    names = dict.fromkeys(app.queue_names())
    router = app.producer.router
    for name in app.tasks:
        route = router.static_route(name)
        queue = app.tasks[name].queue or (route and route.queue)
        if queue:
            names[router.queue(queue)] = None
    return list(names)


def _empty_space(app: Asynq, server: str) -> Space:
    space = open_space(server, app.namespace)
    if app not in _outboxes:
        weakref.finalize(app, drop_space, server, app.namespace).atexit = False
    space.clear()
    return space


_outboxes: WeakKeyDictionary[Asynq, Outbox | None] = WeakKeyDictionary()
