"""How much a queue has, how much may be taken from it, and until when something is put aside."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

PARKED: Final = 32503680000.0
"""The year 3000, as a Unix time in seconds: what waits for a later time is parked."""


def parked_until(label: str) -> float:
    """The time that a message waits for which is parked under that label (see `Broker.unpark`)."""
    return PARKED + zlib.crc32(label.encode()) / 1000


class Counts(Struct, frozen=True, kw_only=True):
    """How many messages a queue has."""

    ready: int = 0
    """Waiting to be taken."""
    delayed: int = 0
    """Waiting for their time."""
    parked: int = 0
    """Put aside until their task is resumed."""
    held: int = 0
    """Taken by workers, and not settled."""
    gone: int = 0
    """Have left it since it was made: were settled, or moved on. Two looks give its throughput."""
    oldest: float | None = None
    """Since when the ready one that has waited longest waits: a Unix time, in seconds, on the
    broker's clock; since it came, was handed back, or was due. None: nothing waits."""


class Bounds(Struct, frozen=True):
    """How much may be taken from queues that have a limit."""

    limits: Mapping[str, int]
    """Queue to how many of its messages may be held at once, by all workers together."""
    most: int
    """As many of them may be taken now."""
