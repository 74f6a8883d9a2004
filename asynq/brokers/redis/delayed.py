"""Moving delayed messages to their lanes when they are due.

Every worker does it, without a leader: the script is atomic, so two at once are only a waste. Due
times are compared with the server's clock, never with ours.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from asynq._redis.keys import LEVELS, Keys
from asynq._redis.pipeline import Pipeline
from asynq.brokers.redis.scripts import MOVE

LONGEST_SLEEP: Final = 1.0
"""Seconds a message that becomes due unexpectedly may be late."""
BATCH: Final = 100
"""Messages in one call: about 2 ms of the server's time."""


async def move_due(pipeline: Pipeline, keys: Keys, queues: Sequence[str]) -> float:
    """Move everything that is due.

    Returns:
        Seconds to sleep before looking again.

    Raises:
        OperationalError, redis.ResponseError: the server can't be reached, or refuses.
    """
    nearest = LONGEST_SLEEP
    for queue in queues:
        names = (keys.delayed(queue), keys.delayed_messages(queue), *keys.lanes(queue)[1:])
        moved = BATCH
        while moved >= BATCH:
            moved, due, now = await pipeline.run(MOVE, names, (BATCH, *LEVELS))
            if due:
                nearest = min(nearest, (float(due) - now) / 1000)
    return max(0.0, nearest)


async def move_for_ever(pipeline: Pipeline, keys: Keys, queues: Sequence[str]) -> None:
    """`move_due` again and again; ends with the first error."""
    while True:
        pause = await move_due(pipeline, keys, queues)
        # Jitter, so that the workers of a fleet do not all ask in the same millisecond.
        await asyncio.sleep(pause + random.uniform(0.0, 0.02 if pause < 0.1 else 0.1))
