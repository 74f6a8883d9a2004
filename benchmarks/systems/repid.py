"""repid on Redis Streams, with uvloop. It stores no results.

- `RedisServer` with `batch_size` 1,000 (default 10): messages in one read. API: RedisServer
- `tasks_limit` as many as slots; acknowledged after the run (`confirmation_mode` auto, the
  default). User Guide: Concurrency; Confirmation and errors
- Acknowledged entries stay in the stream; nothing takes them out.
- uvloop, as its own benchmarks have it. Benchmarks
- A `def` actor is run in threads, as many as slots (`pool_executor`). User Guide: Execution
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import uvloop
from repid import RedisServer, Repid, Router

from benchmarks import tally

SLOTS = int(os.environ["BENCH_SLOTS"])
CALLS = 16
"""At a time: each takes a connection of its own, and more of those make it slower."""

app = Repid()
app.servers.register_server(
    "default",
    RedisServer(os.environ["BENCH_URL"], batch_size=1_000),
    is_default=True,
)
router = Router()


@router.actor(channel="noop")
async def noop(number: int) -> None:
    tally.count()


@router.actor(channel="nap")
async def nap(number: int) -> None:
    await asyncio.sleep(0.05)
    tally.count()


@router.actor(channel="work", pool_executor=ThreadPoolExecutor(SLOTS))
def work(number: int) -> None:
    tally.count()


app.include_router(router)


class Producer:
    """Calls of repid."""

    at_a_time = 20  # each concurrent call opens a connection

    async def open(self) -> None:
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(app.servers.default.connection())

    async def close(self) -> None:
        await self._stack.aclose()

    async def send(self, task: str, number: int) -> None:
        await app.send_message_json(
            channel=task, payload={"number": number}, headers={"topic": task}
        )

    async def send_many(self, task: str, numbers: Iterable[int]) -> None:
        places = asyncio.Semaphore(CALLS)

        async def send(number: int) -> None:
            async with places:
                await self.send(task, number)

        await asyncio.gather(*map(send, numbers))

    async def wait(self, handle: None) -> None:
        """Say that there is nothing to wait for."""
        raise NotImplementedError("repid stores no results")


producer = Producer()


async def main() -> None:
    """Work until the process is ended."""
    async with app.servers.default.connection():
        await app.run_worker(tasks_limit=SLOTS)


if __name__ == "__main__":
    uvloop.run(main())
