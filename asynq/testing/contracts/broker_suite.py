"""What the tests of a broker stand on: connections, and small verbs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest

from asynq._time import monotonic
from asynq.backends.base import ResultBackend
from asynq.brokers.base import ACK, Broker, Delivery, Parcel, Settlement, Verdict

Connect: TypeAlias = Callable[[], Broker]

QUEUE = "default"

EARLY = 0.02
"""Seconds by which a delayed message may come too early: two clocks, rounded to milliseconds."""


class BrokerSuite:
    """What an adapter's subclass gives to the suite; the tests are in the classes derived from it.

    `connect` is the one fixture that must be given.
    """

    lease: float = 0.5
    """Seconds of lease that `connect` gives its brokers; tests of lost workers wait for it."""
    patience: float = 15.0
    """Seconds after which something that should have happened counts as missing."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Makes one more connection to the same carrier, which is empty when the test begins."""
        raise NotImplementedError("give the suite a fixture `connect`")

    @pytest.fixture
    def backend(self) -> ResultBackend | None:
        """A result backend that the brokers of `connect` unite with; None where there is none."""
        return None

    async def buried(self, broker: Broker, queue: str) -> Sequence[tuple[str, str]]:
        """Id and reason of each message that was buried from the queue, in order."""
        return [(one.id, one.reason) for one in await broker.buried(queue)]

    async def vanish(self, broker: Broker) -> None:
        """Make the broker's process look dead: closed, without having resigned."""
        await broker.aclose()

    @pytest.fixture
    async def broker(self, connect: Connect) -> AsyncIterator[Broker]:
        """A connection."""
        broker = connect()
        yield broker
        await broker.aclose()

    @pytest.fixture
    async def other(self, connect: Connect) -> AsyncIterator[Broker]:
        """Another one."""
        broker = connect()
        yield broker
        await broker.aclose()

    @asynccontextmanager
    async def kept(self, broker: Broker, *queues: str) -> AsyncIterator[None]:
        """Run the broker's upkeep meanwhile."""
        upkeep = asyncio.ensure_future(broker.upkeep(queues or (QUEUE,)))
        try:
            yield
        finally:
            upkeep.cancel()
            await asyncio.wait([upkeep])
            if not upkeep.cancelled():
                upkeep.result()

    async def take(self, broker: Broker, count: int, *queues: str) -> list[Delivery]:
        """Receive until there are `count`, in as many calls as it takes."""
        taken: list[Delivery] = []
        deadline = monotonic() + self.patience
        while len(taken) < count:
            left = deadline - monotonic()
            assert left > 0, f"only {len(taken)} of {count} messages came: {taken}"
            wanted = count - len(taken)
            taken += await broker.receive(queues or (QUEUE,), limit=wanted, wait=min(left, 1.0))
        assert len(taken) == count, f"{len(taken)} messages came where {count} were: {taken}"
        return taken

    async def take_one(self, broker: Broker, *queues: str) -> Delivery:
        """Receive one."""
        (delivery,) = await self.take(broker, 1, *queues)
        return delivery

    async def is_empty(self, broker: Broker, *queues: str) -> bool:
        """Nothing is ready in the queues."""
        return not await broker.receive(queues or (QUEUE,), limit=10, wait=0.05)

    async def end(self, broker: Broker, delivery: Delivery, verdict: Verdict = ACK) -> bool:
        """Settle one delivery; was it ours?"""
        (ours,) = await broker.settle([Settlement(delivery=delivery, verdict=verdict)])
        return ours


def parcel(
    id: str,
    *,
    queue: str = QUEUE,
    body: bytes | None = None,
    priority: int = 0,
    delay: float = 0.0,
    due: float | None = None,
) -> Parcel:
    """A parcel whose body says its id."""
    content = f'{{"task":"{id}"}}'.encode() if body is None else body
    return Parcel(id=id, queue=queue, body=content, priority=priority, delay=delay, due=due)


def parcels(count: int, *, first: int = 0, queue: str = QUEUE) -> list[Parcel]:
    """That many, named so that their names sort by age."""
    return [parcel(f"{number:05}", queue=queue) for number in range(first, first + count)]


def ids(deliveries: Sequence[Delivery]) -> list[str]:
    """The ids, in order."""
    return [delivery.id for delivery in deliveries]
