"""What is profiled: a worker that drains a queue, and programs that call tasks.

Each scene does the same thing whoever looks on. It begins and ends the meter that it is given when
everything is warm: connections are open, scripts are loaded, plans are made.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from asynq import Asynq
from asynq.worker.worker import Worker

WARM = 1_000
"""Tasks before the meter begins, and after it ends: a queue that runs dry makes small batches."""

BATCH = 2_000
"""Calls in one `asyncio.gather`."""


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


def _app(url: str) -> Asynq:
    logging.getLogger("asynq").setLevel(logging.ERROR)  # it would warn of this bare server
    return Asynq("profile", broker=url)


async def running(url: str, count: int, meter: Meter) -> None:
    """A worker in its plain default settings, and a queue that does not run dry."""
    app = _app(url)
    begun, over = 0, asyncio.Event()

    @app.task(name="profile.noop")
    async def noop(number: int) -> None:
        nonlocal begun
        begun += 1
        if begun == WARM:
            meter.begin()
        elif begun == WARM + count:
            meter.end()
        elif begun == count + 2 * WARM:
            over.set()

    async with app:
        for at in range(0, count + 2 * WARM, WARM):
            await asyncio.gather(*(noop.delay(number) for number in range(at, at + WARM)))
        async with Worker(app):
            await over.wait()
    await _empty(url)


async def calling_many(url: str, count: int, meter: Meter) -> None:
    """`asyncio.gather` of 2,000 calls, again and again."""
    app = _app(url)

    @app.task(name="profile.noop")
    async def noop(number: int) -> None:
        return None

    async with app:
        await asyncio.gather(*(noop.delay(number) for number in range(BATCH)))
        meter.begin()
        for at in range(0, count, BATCH):
            await asyncio.gather(*(noop.delay(number) for number in range(at, at + BATCH)))
        meter.end()
    await _empty(url)


async def calling_one(url: str, count: int, meter: Meter) -> None:
    """One call after the other, each awaited."""
    app = _app(url)

    @app.task(name="profile.noop")
    async def noop(number: int) -> None:
        return None

    async with app:
        for number in range(100):
            await noop.delay(number)
        meter.begin()
        for number in range(count):
            await noop.delay(number)
        meter.end()
    await _empty(url)


async def _empty(url: str) -> None:
    """Leave nothing to the next scene."""
    app = _app(url)
    async with app:
        await app.broker.purge("default")


SCENES = (
    Scene("running", "running: a worker drains no-op tasks", 20_000, running),
    Scene("calling", "calling: gather of 2,000 calls at a time", 20_000, calling_many),
    Scene("calling-one", "calling: one call after the other, each awaited", 2_000, calling_one),
)
