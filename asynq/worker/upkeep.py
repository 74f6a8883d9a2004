"""Agent: runs what the broker needs run, for the queues that are served at the time."""

from __future__ import annotations

import asyncio

from asynq.brokers.base import Broker
from asynq.worker.consumer import Consumer


async def keep_up(broker: Broker, consumer: Consumer) -> None:
    """Move what is due, bring back what a dead worker held, until cancelled."""
    while True:
        consumer.requeued.clear()
        keeping = asyncio.ensure_future(broker.upkeep(tuple(consumer.queues)))
        changing = asyncio.create_task(consumer.requeued.wait())
        try:
            await asyncio.wait({keeping, changing}, return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():  # there is nothing to do for it; or it has failed
                keeping.result()
            await changing
        finally:
            keeping.cancel()
            changing.cancel()
            # What fails while it is stopped is said by whoever has stopped it.
            await asyncio.gather(keeping, changing, return_exceptions=True)
