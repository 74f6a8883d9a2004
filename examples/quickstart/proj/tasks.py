"""The tasks: one that waits, one that blocks, one that calls others."""

import asyncio
import hashlib

from proj.asynq import app


@app.task
async def greet(name: str) -> str:
    """Runs on the worker's event loop, beside many others."""
    if not name.isalpha():
        raise ValueError("a name has letters")
    await asyncio.sleep(0.1)
    return f"Hello, {name}!"


@app.task
def checksum(text: str) -> str:
    """Runs in a thread, because it is a `def`."""
    return hashlib.sha256(text.encode()).hexdigest()


@app.task
async def greet_all(names: list[str]) -> list[str]:
    """Calls other tasks and waits for them; its slot is free for others meanwhile."""
    return await asyncio.gather(*(greet.delay(name).get() for name in names))
