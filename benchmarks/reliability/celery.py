"""Celery: late acks, requeued when a child process dies, nothing prefetched, short visibility.

- `task_acks_late`, `task_reject_on_worker_lost`, `worker_prefetch_multiplier = 1`: acknowledged
  after the run, and again in the queue when the process dies.
  https://docs.celeryq.dev/en/stable/userguide/optimizing.html
  https://docs.celeryq.dev/en/stable/userguide/tasks.html
- `visibility_timeout` 5 s (default one hour), for the result backend too; looked at each second
  (`unacked_restore_interval`, `unacked_restore_throttle`; the default is every 100 s).
  https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/redis.html
- `worker_cancel_long_running_tasks_on_connection_loss` stays off, the default: with it on, the
  tasks that ran while the server died (T10) were not run again here.
- `worker -P prefork -c 4`: a parent that replaces dead children.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from celery import Celery

from benchmarks.reliability import body
from benchmarks.reliability.setting import LEASE, URL

OPTIONS = {
    "visibility_timeout": LEASE,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
}

app = Celery("reliability", broker=URL, backend=URL)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options=OPTIONS,
    result_backend_transport_options={"visibility_timeout": LEASE},
)


@app.task(name="work")
def work(number: int, seconds: float, poison: bool) -> None:
    body.blocking_work(number, seconds, poison)


@asynccontextmanager
async def sending() -> AsyncIterator[Callable[..., Awaitable[object]]]:
    """Gives the call that sends one task."""

    async def send(*call: object) -> None:
        work.delay(*call)

    yield send
