"""taskiq with taskiq-redis: the broker on Redis Streams, acknowledged once the result is saved.

- `RedisStreamBroker`, the one of its brokers that acknowledges; `consumer_id="0"`, so that what
  was sent before the worker started is not passed over; `xread_count` 1,000 (default 100).
  taskiq-redis: README
- Acknowledged entries stay in the stream: `maxlen` is left off, as it would drop waiting ones too.
- `RedisAsyncResultBackend` with `result_ex_time` an hour. taskiq-redis: README
- `ORJSONSerializer`. Guide: Message format
- `--ack-type when_saved`, the default; `--max-async-tasks` as many as slots, `--max-prefetch` the
  same; `--no-parse`; `--log-level WARNING`; uvloop, which it takes when it is there. Guide: CLI
- A result is polled for every 5 ms (`check_interval`, default 200); every 20 and 200 ms where 50
  and 1,000 clients do that. Guide: Getting started
"""

from __future__ import annotations

import asyncio
import os

from taskiq import AsyncTaskiqTask
from taskiq.serializers import ORJSONSerializer
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from benchmarks import tally

URL = os.environ["BENCH_URL"]
WAIT = float(os.environ.get("BENCH_WAIT", "0.005"))

broker = (
    RedisStreamBroker(URL, consumer_id="0", xread_count=1_000)
    .with_result_backend(RedisAsyncResultBackend(URL, result_ex_time=3_600))
    .with_serializer(ORJSONSerializer())
)


@broker.task(task_name="noop")
async def noop(number: int) -> None:
    tally.count()


@broker.task(task_name="nap")
async def nap(number: int) -> None:
    await asyncio.sleep(0.05)
    tally.count()


@broker.task(task_name="work")
def work(number: int) -> None:
    tally.count()


class Producer:
    """Calls of taskiq."""

    async def open(self) -> None:
        await broker.startup()

    async def close(self) -> None:
        await broker.shutdown()

    async def send(self, task: str, number: int) -> AsyncTaskiqTask[None]:
        return await TASKS[task].kiq(number)

    async def wait(self, handle: AsyncTaskiqTask[None]) -> None:
        await handle.wait_result(check_interval=WAIT, timeout=60)


TASKS = {"noop": noop, "nap": nap, "work": work}
producer = Producer()
