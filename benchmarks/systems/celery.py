"""Celery: late acks, long prefetch for short tasks, no chatter between workers.

- `task_acks_late`: acknowledged after the run; `worker_prefetch_multiplier` 128, for many short
  tasks. User Guide: Optimizing
- `worker_enable_remote_control` off, `--without-gossip --without-mingle --without-heartbeat`: no
  messages but the tasks'. User Guide: Configuration and defaults; Workers
- Results in Redis for a day, the default; JSON, the default. A result is waited for by pub/sub.
  Backends and brokers: Using Redis
- `broker_pool_limit` as many as there are threads that send. Configuration and defaults
- celery-prefork: `--pool prefork`, as many children as cores, the default; tasks that sleep would
  need a process each. celery-threads: `--pool threads`, ten for no-ops. gevent was slower here, and
  ran tasks twice. User Guide: Workers, Concurrency
"""

from __future__ import annotations

import os
import time

from celery import Celery
from celery.result import AsyncResult

from benchmarks import tally

URL = os.environ["BENCH_URL"].replace("unix://", "redis+socket://")

app = Celery("bench", broker=URL, backend=URL)
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=128,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    broker_pool_limit=1_000,
)


@app.task(name="noop")
def noop(number: int) -> None:
    tally.count()


@app.task(name="nap")
def nap(number: int) -> None:
    time.sleep(0.05)
    tally.count()


@app.task(name="work")
def work(number: int) -> None:
    tally.count()


class Producer:
    """Calls of Celery, from threads."""

    def open(self) -> None:
        app.finalize()

    def close(self) -> None:
        app.close()

    def send(self, task: str, number: int) -> AsyncResult:
        return TASKS[task].delay(number)

    def wait(self, handle: AsyncResult) -> None:
        handle.get(timeout=60)


TASKS = {"noop": noop, "nap": nap, "work": work}
producer = Producer()
