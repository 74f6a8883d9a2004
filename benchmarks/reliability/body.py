"""What every peer's task does: leave a trace, take a while, leave a trace."""

from __future__ import annotations

import asyncio
import os
import time

from benchmarks.reliability.ledger import note


async def work(number: int, seconds: float, poison: bool) -> None:
    """The body where the peer runs coroutines."""
    note("S", number)
    if poison:
        await asyncio.sleep(seconds / 2)
        _die()
    await asyncio.sleep(seconds)
    note("E", number)


def blocking_work(number: int, seconds: float, poison: bool) -> None:
    """The body where the peer runs functions in threads or processes."""
    note("S", number)
    if poison:
        time.sleep(seconds / 2)
        _die()
    time.sleep(seconds)
    note("E", number)


def _die() -> None:
    """Half-way, amid the tasks beside it, as by a segmentation fault or the kernel's OOM killer."""
    os._exit(9)
