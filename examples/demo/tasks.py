"""The demo's app: four kinds of work, each in the place that suits it."""

import asyncio
import random
import time

from asynq import Asynq

app = Asynq("demo")


@app.task
async def fetch(page: int) -> float:
    """Waits, as for a web page: hundreds at once on one event loop."""
    began = time.perf_counter()
    await asyncio.sleep(random.uniform(0.02, 0.08))
    return time.perf_counter() - began


@app.task
def resize(image: int) -> float:
    """Blocks, as an old library does: runs in a thread."""
    began = time.perf_counter()
    time.sleep(0.03)
    return time.perf_counter() - began


@app.task(pool="process")
def count_primes(limit: int) -> float:
    """Computes: runs in a child process, so that the event loop stays free."""
    began = time.perf_counter()
    sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, limit))
    return time.perf_counter() - began


@app.task(throws=(PermissionError,))
async def charge(card: int) -> float:
    """Fails for every third card."""
    began = time.perf_counter()
    await asyncio.sleep(0.01)
    if card % 3 == 0:
        raise PermissionError(f"card {card} was declined")
    return time.perf_counter() - began
