"""Docket: a short redelivery timeout, which its workers renew, and a short pause to reconnect.

- `--redelivery-timeout` 5 s (default 5 minutes): what no worker renews for that long is delivered
  again. https://docket.lol/en/latest/production/
- `--reconnection-delay` 1 s (default 5).
- `--concurrency` 4: one process, four tasks at a time on one event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from docket import Docket

from benchmarks.reliability import body
from benchmarks.reliability.setting import URL


async def work(number: int, seconds: float, poison: bool) -> None:
    await body.work(number, seconds, poison)


tasks = [work]


@asynccontextmanager
async def sending() -> AsyncIterator[Callable[..., Awaitable[object]]]:
    """Gives the call that sends one task."""
    async with Docket(name="reliability", url=URL) as docket:
        docket.register(work)

        async def send(*call: object) -> None:
            await docket.add(work)(*call)

        yield send
