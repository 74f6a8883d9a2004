"""asynq in its plain default settings; only `worker -c` says how many tasks run at a time.

- `def` tasks run in its 40 threads, 16 at a time where they are measured. docs/workers.md
- asynq-signed: the same with `message_keys`, so that messages and results are signed.
  docs/security.md
- asynq-info: the same with `-l INFO`, lines for each task, which go to a file. docs/workers.md
- asynq-events: the same with `-E`, events of each task, for monitors. docs/events.md
"""

from __future__ import annotations

import asyncio
import json
import os

from asynq import AsyncResult, Asynq
from benchmarks import tally

SETTINGS = json.loads(os.environ.get("BENCH_SETTINGS", "{}"))
"""To see what another setting is worth: JSON, empty for the figures that are published."""

app = Asynq("bench", broker=os.environ["BENCH_URL"], **SETTINGS)


@app.task(name="noop")
async def noop(number: int) -> None:
    tally.count()


@app.task(name="nap")
async def nap(number: int) -> None:
    await asyncio.sleep(0.05)
    tally.count()


@app.task(name="work")
def work(number: int) -> None:
    tally.count()


class Producer:
    """Calls of asynq."""

    async def open(self) -> None:
        await app.__aenter__()

    async def close(self) -> None:
        await app.__aexit__(None, None, None)

    async def send(self, task: str, number: int) -> AsyncResult[None]:
        return await app.tasks[task].delay(number)

    async def wait(self, handle: AsyncResult[None]) -> None:
        await handle.get(timeout=60)


producer = Producer()
