"""What holds for queues and tasks until somebody says otherwise: what is paused, how much may run,
and what was revoked by its stamps.

The server remembers it, as names and texts that a broker does not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec
from msgspec import Struct

from asynq.wire.stamps import REVOKED, RevokedStamps

QUEUE_PAUSED: Final = "queue-paused:"
QUEUE_LIMIT: Final = "queue-limit:"
TASK_PAUSED: Final = "task-paused:"
"""What names begin with; what follows is a queue's name, or a task's."""

PAUSED: Final = "1"
"""What is kept of what is paused."""


class Rules(Struct, frozen=True, kw_only=True):
    """What holds now."""

    paused: frozenset[str] = frozenset()
    """Queues that nothing is taken from."""
    limits: Mapping[str, int] = {}
    """Queue to how many of its tasks may be held at once, by all workers together."""
    paused_tasks: frozenset[str] = frozenset()
    """Names of tasks that do not begin."""
    stamps: tuple[RevokedStamps, ...] = ()
    """Headers whose tasks do not run."""

    @classmethod
    def read(cls, kept: Mapping[str, str]) -> Rules:
        """What was kept; names that a later release writes are passed over."""
        paused, paused_tasks, limits, stamps = set(), set(), {}, []
        for name, value in sorted(kept.items()):
            if name.startswith(QUEUE_PAUSED):
                paused.add(name.removeprefix(QUEUE_PAUSED))
            elif name.startswith(TASK_PAUSED):
                paused_tasks.add(name.removeprefix(TASK_PAUSED))
            elif name.startswith(QUEUE_LIMIT) and value.isdecimal():
                limits[name.removeprefix(QUEUE_LIMIT)] = int(value)
            elif name.startswith(REVOKED):
                with suppress(msgspec.DecodeError):
                    stamps.append(RevokedStamps.read(value))
        return cls(
            paused=frozenset(paused),
            limits=limits,
            paused_tasks=frozenset(paused_tasks),
            stamps=tuple(stamps),
        )
