"""streaQ: a short idle timeout, which its workers renew while a task runs.

- `idle_timeout` 5 s (default 60): what no worker renews for that long is delivered again.
  https://streaq.readthedocs.io/en/latest/worker.html
- `max_tries` 3, the default: a task that was begun that often is given up.
- `concurrency` 4, `prefetch` 4: one process, four tasks at a time on one event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from streaq import Worker

from benchmarks.reliability import body
from benchmarks.reliability.setting import LEASE, SLOTS, URL

worker = Worker(redis_url=URL, concurrency=SLOTS, idle_timeout=LEASE)


@worker.task(name="work")
async def work(number: int, seconds: float, poison: bool) -> None:
    await body.work(number, seconds, poison)


@asynccontextmanager
async def sending() -> AsyncIterator[Callable[..., Awaitable[object]]]:
    """Gives the call that sends one task."""
    async with worker:

        async def send(*call: object) -> None:
            await work.enqueue(*call)

        yield send
