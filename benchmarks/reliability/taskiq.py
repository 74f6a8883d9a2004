"""taskiq with taskiq-redis: the broker on Redis Streams, which acknowledges; results stored.

- `RedisStreamBroker`, the one of its brokers that acknowledges.
  https://github.com/taskiq-python/taskiq-redis#brokers
- `idle_timeout` 5 s (default 10 minutes): what was not acknowledged for that long is claimed by
  another worker. There is no renewal while a task runs.
- `unacknowledged_lock_timeout` 5 s (default none): the claiming lock of a worker that died ends.
- `consumer_id="0"` (default `$`): what was sent before the first worker is not passed over.
- `xread_count` 4 (default 100): a worker takes no more than it can start.
- `worker --workers 1 --max-async-tasks 4 --ack-type when_saved`: a parent that replaces its dead
  child; acknowledged once the result is stored, the default.
  https://taskiq-python.github.io/guide/cli.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from benchmarks.reliability import body
from benchmarks.reliability.setting import LEASE, SLOTS, URL

broker = RedisStreamBroker(
    URL,
    idle_timeout=int(LEASE * 1000),
    unacknowledged_lock_timeout=LEASE,
    consumer_id="0",
    xread_count=SLOTS,
).with_result_backend(RedisAsyncResultBackend(URL, result_ex_time=3600))


@broker.task(task_name="work")
async def work(number: int, seconds: float, poison: bool) -> None:
    await body.work(number, seconds, poison)


@asynccontextmanager
async def sending() -> AsyncIterator[Callable[..., Awaitable[object]]]:
    """Gives the call that sends one task."""
    await broker.startup()
    yield work.kiq
    await broker.shutdown()
