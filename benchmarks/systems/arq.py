"""arq: many jobs at a time, and a queue that is looked at often.

- `max_jobs` jobs at a time, each a coroutine. `poll_delay` 10 ms: arq polls its queue; 2 ms where
  latency is measured, 500 ms, the default, for an idle worker. `keep_result` an hour, the default.
  Documentation: Reference, arq.worker.Worker
- A job stays in the queue until it has ended. Documentation: Retrying jobs and cancellation
- A result is polled for every 5 ms (`poll_delay`, default 500); every 20 and 200 ms where 50 and
  1,000 clients do that. Reference: arq.jobs.Job.result
- uvloop, by its policy, and hiredis. A `def` job is run in a thread by the job itself.
  Documentation: Synchronous Jobs
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from arq.jobs import Job

from benchmarks import tally

SETTINGS = RedisSettings.from_dsn(os.environ["BENCH_URL"])
SLOTS = int(os.environ["BENCH_SLOTS"])
POLL = float(os.environ.get("BENCH_POLL", "0.01"))
WAIT = float(os.environ.get("BENCH_WAIT", "0.005"))
LOGS = {"version": 1, "loggers": {"arq": {"level": "WARNING"}}}
"""What `--custom-log-dict` names: its own lines for each job are left out."""

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
threads = ThreadPoolExecutor(SLOTS)


async def noop(ctx: dict[str, Any], number: int) -> None:
    tally.count()


async def nap(ctx: dict[str, Any], number: int) -> None:
    await asyncio.sleep(0.05)
    tally.count()


async def work(ctx: dict[str, Any], number: int) -> None:
    await asyncio.get_running_loop().run_in_executor(threads, plain_work, number)


def plain_work(number: int) -> None:
    tally.count()


class WorkerSettings:
    """What `arq benchmarks.systems.arq.WorkerSettings` runs."""

    functions: ClassVar = [noop, nap, work]
    redis_settings = SETTINGS
    max_jobs = SLOTS
    poll_delay = POLL


class Producer:
    """Calls of arq."""

    async def open(self) -> None:
        self._pool = await create_pool(SETTINGS)

    async def close(self) -> None:
        await self._pool.aclose()

    async def send(self, task: str, number: int) -> Job:
        return await self._pool.enqueue_job(task, number)

    async def wait(self, handle: Job) -> None:
        await handle.result(60, poll_delay=WAIT)


producer = Producer()
