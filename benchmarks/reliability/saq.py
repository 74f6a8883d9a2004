"""SAQ: a job timeout and several tries for each job, and a sweep every five seconds.

- `timeout` 5 s (default 10) and `retries` 5 (default 1, which gives a job up when its worker has
  died): the sweep takes back what has run longer than that.
  https://saq-py.readthedocs.io/en/latest/
- `timers={"sweep": 5}` (default 60 s); a shorter one takes more of what has just been started, or
  has just ended, for abandoned.
- `heartbeat` is left off: a job would have to call `job.update()` itself, all the time.
- `concurrency` 4: one process, four jobs at a time on one event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from saq import Queue

from benchmarks.reliability import body
from benchmarks.reliability.setting import LEASE, SLOTS, URL

queue = Queue.from_url(URL)


async def work(ctx: dict[str, Any], *, number: int, seconds: float, poison: bool) -> None:
    await body.work(number, seconds, poison)


settings = {
    "queue": queue,
    "functions": [("work", work)],
    "concurrency": SLOTS,
    "timers": {"sweep": 5},
}


@asynccontextmanager
async def sending() -> AsyncIterator[Callable[..., Awaitable[object]]]:
    """Gives the call that sends one job."""
    await queue.connect()

    async def send(number: int, seconds: float, poison: bool) -> None:
        await queue.enqueue(
            "work",
            number=number,
            seconds=seconds,
            poison=poison,
            timeout=int(LEASE),
            retries=5,
        )

    yield send
    await queue.disconnect()
