"""asynq, with a short lease and otherwise its defaults, which are late acks and renewed leases.

- `worker_lease` 5 s (default 30): after that long without a sign of life a worker's tasks run
  elsewhere. docs/guarantees.md
- `worker -c 4`: one process, four tasks at a time on one event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from asynq import Asynq
from benchmarks.reliability import body
from benchmarks.reliability.setting import LEASE, URL

app = Asynq("reliability", broker=URL, worker_lease=LEASE)


@app.task(name="work")
async def work(number: int, seconds: float, poison: bool) -> None:
    await body.work(number, seconds, poison)


@asynccontextmanager
async def sending() -> AsyncIterator[Callable[..., Awaitable[object]]]:
    """Gives the call that sends one task."""
    async with app:
        yield work.delay
