"""Sends tasks of one peer, in a process of its own, one after the other.

python -m benchmarks.reliability.producing PEER FIRST COUNT SECONDS [poison]
"""

from __future__ import annotations

import asyncio
import importlib
import sys

from benchmarks.reliability.ledger import note


async def produce(peer: str, first: int, count: int, seconds: float, poison: int) -> None:
    """Send them; note each whose call returned, and each whose call raised."""
    module = importlib.import_module(f"benchmarks.reliability.{peer}")
    async with module.sending() as send:
        for number in range(first, first + count):
            try:
                await send(number, seconds, number == poison)
            except Exception as error:  # whatever the peer raises, it has accepted nothing
                print(f"{number}: {error!r}", file=sys.stderr)
                note("X", number)
            else:
                note("P", number)


if __name__ == "__main__":
    peer, first, count, seconds, poison = [*sys.argv[1:], "-1"][:5]
    asyncio.run(produce(peer, int(first), int(count), float(seconds), int(poison)))
