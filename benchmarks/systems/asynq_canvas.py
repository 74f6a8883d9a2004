"""asynq in its plain default settings, as where single tasks are measured.

- `worker -c` says how many tasks run at a time, on one event loop. docs/workers.md
- Many workflows are sent by `gather`, and waited for so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from asynq import chain, chord, group
from benchmarks import tally
from benchmarks.canvas.build import Words
from benchmarks.systems.asynq import app

GATHER = 500
"""Workflows that are sent at a time."""


@app.task(name="step")
async def step(value: int) -> int:
    tally.count()
    return value


@app.task(name="total")
async def total(values: list[int]) -> int:
    tally.count()
    return sum(values)


class Sender:
    """Workflows of asynq."""

    words = Words(chain, group, chord, step, total)

    async def open(self) -> None:
        await app.__aenter__()

    async def close(self) -> None:
        await app.__aexit__(None, None, None)

    async def send(self, canvases: Sequence[Any]) -> list[Any]:
        handles: list[Any] = []
        for at in range(0, len(canvases), GATHER):
            handles += await asyncio.gather(*[each() for each in canvases[at : at + GATHER]])
        return handles

    async def wait(self, handles: Sequence[Any]) -> list[Any]:
        return await asyncio.gather(*[handle.get() for handle in handles])


sender = Sender()
