"""arq: jobs stay in the queue until they have ended; its Redis client told to try again.

- A job is out of other workers' reach for `job_timeout` + 10 s, a sum that is fixed: with
  `job_timeout` 5 s (default 300) that makes 15 s, not 5.
  https://arq-docs.helpmanual.io/#retrying-jobs-and-cancellation
- `max_tries` 5, the default.
- `RedisSettings(retry_on_timeout, retry_on_error, retry)`: ten tries of each command, with growing
  pauses. https://arq-docs.helpmanual.io/#arq.connections.RedisSettings
- `max_jobs` 4: one process, four jobs at a time on one event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import RedisSettings
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError, TimeoutError

from benchmarks.reliability import body
from benchmarks.reliability.setting import LEASE, SLOTS, URL

SETTINGS = replace(
    RedisSettings.from_dsn(URL),
    retry_on_timeout=True,
    retry_on_error=[ConnectionError, TimeoutError],
    retry=Retry(ExponentialBackoff(cap=2, base=0.1), 10),
)


async def work(ctx: dict[str, Any], number: int, seconds: float, poison: bool) -> None:
    await body.work(number, seconds, poison)


class WorkerSettings:
    """What `arq benchmarks.reliability.arq.WorkerSettings` runs."""

    functions: ClassVar = [work]
    redis_settings = SETTINGS
    max_jobs = SLOTS
    job_timeout = LEASE
    max_tries = 5


@asynccontextmanager
async def sending() -> AsyncIterator[Callable[..., Awaitable[object]]]:
    """Gives the call that sends one job."""
    pool = await create_pool(SETTINGS)
    yield lambda *call: pool.enqueue_job("work", *call)
    await pool.aclose()
