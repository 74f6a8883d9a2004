"""SAQ: many jobs at a time on one event loop; results kept ten minutes, its default.

- `concurrency` jobs at a time, each of them a coroutine that waits on a connection of its own.
  Documentation: Worker
- A job is in the active list while it runs and leaves it when it has ended; a sweep takes back
  what a dead worker held. Documentation: Comparison
- `max_concurrent_ops` 32 (default 20): calls at a time. API: RedisQueue
- `dump` and `load` by orjson. README: custom serializers
- A result is waited for by `Job.refresh(until_complete=…)`, which listens. API: Job
- uvloop, by its policy, and the `hiredis` extra. A `def` job is run in its pool of threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any

import orjson
import uvloop
from redis.asyncio import Redis
from saq import Job
from saq.queue.redis import RedisQueue

from benchmarks import tally

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
queue = RedisQueue(
    Redis.from_url(os.environ["BENCH_URL"], max_connections=20_000),
    dump=orjson.dumps,
    load=orjson.loads,
    max_concurrent_ops=32,
)


async def noop(ctx: dict[str, Any], *, number: int) -> None:
    tally.count()


async def nap(ctx: dict[str, Any], *, number: int) -> None:
    await asyncio.sleep(0.05)
    tally.count()


def work(ctx: dict[str, Any], *, number: int) -> None:
    tally.count()


settings = {
    "queue": queue,
    "functions": [noop, nap, work],
    "concurrency": int(os.environ["BENCH_SLOTS"]),
}


class Producer:
    """Calls of SAQ."""

    async def open(self) -> None:
        await queue.connect()

    async def close(self) -> None:
        await queue.disconnect()

    async def send(self, task: str, number: int) -> Job:
        return await queue.enqueue(task, number=number)

    async def wait(self, handle: Job) -> None:
        patience = 0.1
        while not handle.completed:
            # It may have ended between the look at it and the listening.
            with contextlib.suppress(TimeoutError):
                await handle.refresh(until_complete=patience)
            patience *= 2


producer = Producer()
