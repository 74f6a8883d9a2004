"""huey: results that expire and wake who waits, in threads or in greenlets.

- `RedisExpireHuey`: a result is a key of its own for a day; `store_none`, so that there is one.
  API: RedisExpireHuey, Huey
- `notify_result` only where results are waited for, then by a blocking command; elsewhere off, its
  default, which saves half of its commands. Release notes of 3.0
- `blocking`, the default: a worker waits for a task by a blocking command, which takes it from the
  list. It has no acknowledgement: what a dead worker had taken is lost. Guide: Shutdown
- huey-thread: `-k thread`, four of them for no-ops. huey-greenlet: `-k greenlet`, with gevent's
  patches applied before. `--quiet --no-periodic`. Consuming Tasks: Options; Worker types
"""

from __future__ import annotations

import os
import time

from huey import RedisExpireHuey
from huey.api import Result
from redis import ConnectionPool

from benchmarks import tally

huey = RedisExpireHuey(
    "bench",
    connection_pool=ConnectionPool.from_url(os.environ["BENCH_URL"], max_connections=20_000),
    store_none=True,
    notify_result="BENCH_NOTIFY" in os.environ,
)


@huey.task()
def noop(number: int) -> None:
    tally.count()


@huey.task()
def nap(number: int) -> None:
    time.sleep(0.05)
    tally.count()


@huey.task()
def work(number: int) -> None:
    tally.count()


class Producer:
    """Calls of huey, from threads."""

    def open(self) -> None:
        """Nothing to do: it connects when it is called."""

    def close(self) -> None:
        huey.storage.pool.disconnect()

    def send(self, task: str, number: int) -> Result:
        return TASKS[task](number)

    def wait(self, handle: Result) -> None:
        handle.get(blocking=True, timeout=60)


TASKS = {"noop": noop, "nap": nap, "work": work}
producer = Producer()
