"""Dramatiq: its Redis broker and Redis results, in threads or on gevent.

- Messages are acknowledged after the run, always. User Guide; Advanced Topics
- `Results` with a `RedisBackend`, `store_results`: kept ten minutes, the default, and waited for
  by a blocking command. Cookbook: Results
- The default middleware. `dramatiq_queue_prefetch` 1,000 messages (default: two a thread). Where
  latency is measured, `dramatiq_worker_timeout` 5 ms (default 1,000), which is how long a worker
  pauses at most between two looks at an empty queue. Environment Variables
- dramatiq-threads: `dramatiq --threads`, 16 for no-ops. dramatiq-gevent: as `dramatiq-gevent` does,
  `dramatiq` with gevent's patches applied before. Advanced Topics: Using gevent
"""

from __future__ import annotations

import os
import time

import dramatiq
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from redis import ConnectionPool, Redis

from benchmarks import tally

pool = ConnectionPool.from_url(os.environ["BENCH_URL"], max_connections=20_000)

broker = RedisBroker(client=Redis(connection_pool=pool))
results = RedisBackend(client=Redis(connection_pool=pool))
broker.add_middleware(Results(backend=results, store_results=True))
dramatiq.set_broker(broker)


@dramatiq.actor(actor_name="noop")
def noop(number: int) -> None:
    tally.count()


@dramatiq.actor(actor_name="nap")
def nap(number: int) -> None:
    time.sleep(0.05)
    tally.count()


@dramatiq.actor(actor_name="work")
def work(number: int) -> None:
    tally.count()


class Producer:
    """Calls of Dramatiq, from threads."""

    def open(self) -> None:
        """Nothing to do: it connects when it is called."""

    def close(self) -> None:
        broker.close()

    def send(self, task: str, number: int) -> Message[None]:
        return ACTORS[task].send(number)

    def wait(self, handle: Message[None]) -> None:
        handle.get_result(block=True, timeout=60_000)


ACTORS = {"noop": noop, "nap": nap, "work": work}
producer = Producer()
