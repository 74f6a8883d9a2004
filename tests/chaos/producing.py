"""Sends a chord of $CHAOS_SIZE, in a process of its own that can be killed meanwhile."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

from asynq import Asynq
from tests.chaos.canvases import Artist, send
from tests.chaos.ledger import Ledger


async def produce() -> None:
    """Send it."""
    ledger = Ledger(Path(os.environ["CHAOS_LEDGER"]))
    async with Asynq(os.environ["CHAOS_NAMESPACE"], task_default_queue="chaos") as app:
        artist = Artist(app, random.Random(1))
        await send(app, ledger, artist.chord(int(os.environ["CHAOS_SIZE"])))
    ledger.close()


if __name__ == "__main__":
    asyncio.run(produce())
