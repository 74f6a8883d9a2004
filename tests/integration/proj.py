"""The app that integration tests run in real processes. Its settings come by the environment.

Each run notes its start and its end in a ledger outside the server: one line, appended at once, so
that what a killed worker did is known too.
"""

import asyncio
import os
import time

from asynq import Asynq

app = Asynq(
    os.environ.get("TEST_NAMESPACE", "proj"),
    worker_lease=float(os.environ.get("TEST_LEASE", "30")),
    task_default_queue=os.environ.get("TEST_QUEUE", "default"),
)


def note(*words: object) -> None:
    """Append a line to the ledger."""
    ledger = os.open(os.environ["TEST_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, (" ".join(map(str, words)) + "\n").encode())
    os.close(ledger)


@app.task
async def add(x: int, y: int) -> int:
    return x + y


@app.task
async def work(number: int, seconds: float) -> int:
    """Takes a while, and leaves a trace of having begun and ended."""
    note("begin", number, os.getpid())
    await asyncio.sleep(seconds)
    note("end", number, os.getpid())
    return number


@app.task
async def block(seconds: float) -> str:
    """Blocks the event loop, as no task should."""
    note("begin", "block", os.getpid())
    time.sleep(seconds)  # noqa: ASYNC251 - the point of it
    return "done"


@app.task(acks_late=False)
async def ring() -> None:
    """Runs until it is cut off, and not a second time."""
    note("begin", "ring", os.getpid())
    await asyncio.Event().wait()


@app.task
async def hang() -> None:
    """Runs until cancelled, and notes that it was."""
    note("begin", "hang", os.getpid())
    try:
        await asyncio.Event().wait()
    finally:
        note("end", "hang", os.getpid())


@app.task
async def leave(error: str) -> str:
    """Starts an asyncio task that raises what ends a program, and goes on."""

    async def left() -> None:
        raise {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt}[error]

    child = asyncio.create_task(left())
    await asyncio.wait({child})
    await asyncio.sleep(0.05)
    return "still here"
