"""Docket: a `Worker` in a program of one's own, on uvloop.

- `concurrency` tasks at a time; acknowledged after the run; what a dead worker held is delivered
  again after `redelivery_timeout`, five minutes. `minimum_check_interval` 10 ms, which is how long
  a worker with no free place waits; 250 ms, the default, for an idle worker. `max_connections` in
  the URL above that concurrency. Docket in Production: Worker Configuration; Connection Management
- `async with Docket() …, Worker(docket)`, `run_forever()`, which lets one choose the event loop.
  Getting Started
- State is kept 15 minutes (`execution_ttl`, the default) and waited for by pub/sub. A task that
  returns None has a record of its state, and no result beside it. Docket in Production: State and
  Result Storage
- Many tasks are sent by `Docket.add_many`. API Reference
- Tasks are coroutines; there is no way to have a `def` in a thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta

import uvloop
from docket import Docket, Execution, Worker

from benchmarks import tally

URL = os.environ["BENCH_URL"] + "?max_connections=20000"
CHECK = timedelta(milliseconds=float(os.environ.get("BENCH_CHECK_MS", "10")))


async def noop(number: int) -> None:
    tally.count()


async def nap(number: int) -> None:
    await asyncio.sleep(0.05)
    tally.count()


TASKS = {"noop": noop, "nap": nap}


class Producer:
    """Calls of Docket."""

    async def open(self) -> None:
        self._stack = AsyncExitStack()
        self._docket = await self._stack.enter_async_context(Docket(name="bench", url=URL))
        for task in TASKS.values():
            self._docket.register(task)

    async def close(self) -> None:
        await self._stack.aclose()

    async def send(self, task: str, number: int) -> Execution:
        return await self._docket.add(TASKS[task])(number)

    async def send_many(self, task: str, numbers: Iterable[int]) -> None:
        call, function = self._docket.call, TASKS[task]
        await self._docket.add_many(call(function)(number) for number in numbers)

    async def wait(self, handle: Execution) -> None:
        await handle.get_result(timeout=timedelta(seconds=60))


producer = Producer()


async def main() -> None:
    """Work until the process is ended."""
    async with Docket(name="bench", url=URL) as docket:
        for task in TASKS.values():
            docket.register(task)
        worker = Worker(
            docket, concurrency=int(os.environ["BENCH_SLOTS"]), minimum_check_interval=CHECK
        )
        async with worker:
            await worker.run_forever()


if __name__ == "__main__":
    uvloop.run(main())
