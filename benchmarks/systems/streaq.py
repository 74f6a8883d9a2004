"""streaQ: acknowledged after the run; uvloop by anyio's option.

- `concurrency` tasks at a time on one event loop, `prefetch` the same, its default;
  `anyio_kwargs={"use_uvloop": True}`; `redis_kwargs` allow more than 64 connections, as a client
  that waits for a result has one of its own. Documentation: Workers
- Results are kept five minutes (`ttl` of a task, the default) and waited for by pub/sub; pickle,
  the default serializer. Many tasks are sent by `Worker.enqueue_many`. Documentation: Tasks
- `Task.result()` takes 100 ms more to unsubscribe (coredis' `unsubscription_timeout`), for which it
  has no option.
- A `def` task is run in a thread, `sync_concurrency` at a time. Documentation: Tasks
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from contextlib import AsyncExitStack

from streaq import Worker
from streaq.task import Task

from benchmarks import tally

worker = Worker(
    redis_url=os.environ["BENCH_URL"],
    redis_kwargs={"max_connections": 2_000},
    concurrency=int(os.environ["BENCH_SLOTS"]),
    anyio_kwargs={"use_uvloop": True},
)


@worker.task(name="noop")
async def noop(number: int) -> None:
    tally.count()


@worker.task(name="nap")
async def nap(number: int) -> None:
    await asyncio.sleep(0.05)
    tally.count()


@worker.task(name="work")
def work(number: int) -> None:
    tally.count()


class Producer:
    """Calls of streaQ."""

    async def open(self) -> None:
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(worker)

    async def close(self) -> None:
        await self._stack.aclose()

    async def send(self, task: str, number: int) -> Task[..., None]:
        return await TASKS[task].enqueue(number)

    async def send_many(self, task: str, numbers: Iterable[int]) -> None:
        await worker.enqueue_many([TASKS[task].enqueue(number) for number in numbers])

    async def wait(self, handle: Task[..., None]) -> None:
        await handle.result(60)


TASKS = {"noop": noop, "nap": nap, "work": work}
producer = Producer()


if __name__ == "__main__":
    worker.run_sync()
