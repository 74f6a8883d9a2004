"""Dramatiq: a short heartbeat timeout, and maintenance often enough to notice it.

- Messages are acknowledged after the run, always. https://dramatiq.io/guide.html
- `heartbeat_timeout` 5 s (default 60): a silent worker's messages go back to their queue.
- `maintenance_chance` 100,000 in a million (default 1,000): every tenth command looks for silent
  workers. https://dramatiq.io/reference.html#dramatiq.brokers.redis.RedisBroker
- The default middleware, with its retries; results are not stored.
- `--processes 1 --threads 4`; actors are functions in threads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.reliability import body
from benchmarks.reliability.setting import LEASE, URL

broker = RedisBroker(url=URL, heartbeat_timeout=int(LEASE * 1000), maintenance_chance=100_000)
dramatiq.set_broker(broker)


@dramatiq.actor(actor_name="work")
def work(number: int, seconds: float, poison: bool) -> None:
    body.blocking_work(number, seconds, poison)


@asynccontextmanager
async def sending() -> AsyncIterator[Callable[..., Awaitable[object]]]:
    """Gives the call that sends one message."""

    async def send(*call: object) -> None:
        work.send(*call)

    yield send
