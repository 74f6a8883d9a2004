"""The same workloads on asynq, each in its plain default settings."""

from __future__ import annotations

import asyncio
import logging
import time

from asynq import Asynq
from asynq.worker.worker import Worker


def _app(url: str) -> Asynq:
    logging.disable(logging.INFO)
    app = Asynq("bench", broker=url)

    @app.task(name="bench.noop")
    async def noop(number: int) -> None:
        return None

    @app.task(name="bench.nap")
    async def nap(number: int) -> None:
        await asyncio.sleep(0.05)

    return app


async def _clean(app: Asynq) -> None:
    await app.broker.purge("default")


async def enqueue_one_by_one(url: str, count: int) -> float:
    """Calls a second, each awaited before the next."""
    app = _app(url)
    noop = app.tasks["bench.noop"]
    async with app:
        await noop.delay(0)
        began = time.perf_counter()
        for number in range(count):
            await noop.delay(number)
        took = time.perf_counter() - began
        await _clean(app)
    return count / took


async def enqueue_concurrently(url: str, count: int) -> float:
    """Calls a second in `asyncio.gather`s of 2,000."""
    app = _app(url)
    noop = app.tasks["bench.noop"]
    async with app:
        await noop.delay(0)
        began = time.perf_counter()
        for at in range(0, count, 2000):
            await asyncio.gather(*(noop.delay(number) for number in range(at, at + 2000)))
        took = time.perf_counter() - began
        await _clean(app)
    return count / took


async def drain(url: str, count: int) -> float:
    """Tasks a second with one worker in this process, from a full queue to results stored."""
    return await _drain(url, count, "bench.noop", concurrency=100)


async def drain_naps(url: str, count: int) -> float:
    """The same with tasks that sleep 50 ms, on 500 slots."""
    return await _drain(url, count, "bench.nap", concurrency=500)


async def _drain(url: str, count: int, name: str, *, concurrency: int) -> float:
    app = _app(url)
    task = app.tasks[name]
    async with app:
        for at in range(0, count, 2000):
            await asyncio.gather(
                *(task.delay(number) for number in range(at, min(at + 2000, count)))
            )
        began = time.perf_counter()
        async with Worker(app, concurrency=concurrency):
            while await app.broker.depth("default"):
                await asyncio.sleep(0.005)
            took = time.perf_counter() - began
    return count / took


async def round_trips(url: str, count: int) -> list[float]:
    """Seconds from `delay` to the value, one at a time, with an idle worker in this process."""
    app = _app(url)
    noop = app.tasks["bench.noop"]
    seconds = []
    async with app, Worker(app):
        await noop.delay(0).get(timeout=10)
        for number in range(count):
            began = time.perf_counter()
            await noop.delay(number).get(timeout=10)
            seconds.append(time.perf_counter() - began)
    return seconds
