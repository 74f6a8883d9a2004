"""What is profiled: a worker that drains a queue, and programs that call tasks.

Each scene does the same thing whoever looks on. It begins and ends the meter that it is given when
everything is warm: connections are open, scripts are loaded, plans are made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from asynq import Asynq, Task
from asynq.worker.worker import Worker
from benchmarks.profile.apart import apart, app_at, empty, plain_app

WARM = 1_000
"""Tasks before the meter begins, and after it ends: a queue that runs dry makes small batches."""

WARM_ONE = 200
"""The same where they come one at a time."""

BATCH = 2_000
"""Calls in one `asyncio.gather`."""

CLIENTS = 50


class Meter(Protocol):
    """Looks on from `begin` to `end`, both called in the thread of the event loop."""

    def begin(self) -> None: ...

    def end(self) -> None: ...


@dataclass(frozen=True)
class Scene:
    """Something that asynq does, for so many tasks."""

    name: str
    title: str
    count: int
    play: Callable[[str, int, Meter], Coroutine[Any, Any, None]]
    """Given the server's URL, how many tasks are measured, and the meter."""


async def running(url: str, count: int, meter: Meter) -> None:
    """A worker in its plain default settings, and a queue that does not run dry."""
    app, noop, over = _measured(url, count, meter, WARM)
    async with app:
        for at in range(0, count + 2 * WARM, WARM):
            await asyncio.gather(*(noop.delay(number) for number in range(at, at + WARM)))
        async with Worker(app):
            await over.wait()
    await empty(url)


async def running_one(url: str, count: int, meter: Meter) -> None:
    """The same worker, asked by one client that waits for each result."""
    app, _, over = _measured(url, count, meter, WARM_ONE)
    async with app, Worker(app):
        with apart("client", url, count + 2 * WARM_ONE):
            await over.wait()
    await empty(url)


def _measured(
    url: str, count: int, meter: Meter, warm: int
) -> tuple[Asynq, Task[[int], None], asyncio.Event]:
    """An app whose task begins and ends the meter, and tells when all have run."""
    app = app_at(url)
    begun, over = 0, asyncio.Event()

    @app.task(name="profile.noop")
    async def noop(number: int) -> None:
        nonlocal begun
        begun += 1
        if begun == warm:
            meter.begin()
        elif begun == warm + count:
            meter.end()
        elif begun == count + 2 * warm:
            over.set()

    return app, noop, over


async def calling_many(url: str, count: int, meter: Meter) -> None:
    """`asyncio.gather` of 2,000 calls, again and again."""
    app, noop = plain_app(url)
    async with app:
        await asyncio.gather(*(noop.delay(number) for number in range(BATCH)))
        meter.begin()
        for at in range(0, count, BATCH):
            await asyncio.gather(*(noop.delay(number) for number in range(at, at + BATCH)))
        meter.end()
    await empty(url)


async def calling_one(url: str, count: int, meter: Meter) -> None:
    """One call after the other, each awaited."""
    app, noop = plain_app(url)
    async with app:
        for number in range(100):
            await noop.delay(number)
        meter.begin()
        for number in range(count):
            await noop.delay(number)
        meter.end()
    await empty(url)


async def waiting(url: str, count: int, meter: Meter) -> None:
    """50 clients, each of which calls, waits for the result, and calls again."""
    app, noop = plain_app(url)

    async def client(calls: int) -> None:
        for number in range(calls):
            await noop.delay(number).get(timeout=60)

    async with app:
        with apart("worker", url):
            await asyncio.gather(*(client(WARM // CLIENTS) for _ in range(CLIENTS)))
            meter.begin()
            await asyncio.gather(*(client(count // CLIENTS) for _ in range(CLIENTS)))
            meter.end()
    await empty(url)


SCENES = (
    Scene("running", "running: a worker drains no-op tasks", 20_000, running),
    Scene("running-one", "running: a worker that gets one task at a time", 2_000, running_one),
    Scene("calling", "calling: gather of 2,000 calls at a time", 20_000, calling_many),
    Scene("calling-one", "calling: one call after the other, each awaited", 2_000, calling_one),
    Scene("waiting", "calling: 50 clients, each waits for its result", 10_000, waiting),
)
