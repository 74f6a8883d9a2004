"""asynq with naps as long, and on as many queues, as the measurement of growth asks for."""

from __future__ import annotations

import asyncio
import os

from asynq import AsyncResult
from benchmarks import tally
from benchmarks.systems.asynq import Producer, app

SECONDS = float(os.environ.get("BENCH_NAP", "0.05"))
QUEUES = int(os.environ.get("BENCH_QUEUES", "1"))


@app.task(name="doze")
async def doze(number: int) -> None:
    await asyncio.sleep(SECONDS)
    tally.count()


class Spreading(Producer):
    """Calls on all queues in turn; a nap is as long as was asked for."""

    async def send(self, task: str, number: int) -> AsyncResult[None]:
        called = app.tasks["doze" if task == "nap" else task]
        return await called.apply_async((number,), queue=f"queue-{number % QUEUES}")


producer = Spreading()
