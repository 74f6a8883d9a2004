"""Rules, limits of queues, parked messages, and counting what there is."""

from __future__ import annotations

import asyncio

from asynq.brokers.base import Bounds, Broker, Counts, Requeue, parked_until
from asynq.testing.contracts.broker_suite import QUEUE, BrokerSuite, ids, parcel, parcels

OTHER = "another"


class Ruling(BrokerSuite):
    """`rules`, `bounds`, `unpark` and `count`."""

    async def test_a_rule_is_remembered_until_it_is_taken_back(
        self, broker: Broker, other: Broker
    ) -> None:
        assert await broker.rules() == {}
        await broker.set_rule("one", "1")
        await broker.set_rule("über", "zwei")
        await broker.set_rule("one", "3")
        assert await other.rules() == {"one": "3", "über": "zwei"}
        await other.set_rule("one", None)
        await other.set_rule("none", None)
        assert await broker.rules() == {"über": "zwei"}

    # Limits

    async def test_of_a_queue_with_a_limit_no_more_is_held_by_all_together(
        self, broker: Broker, other: Broker
    ) -> None:
        await broker.publish(parcels(5))
        bounds = Bounds({QUEUE: 2}, 10)
        (first,) = await broker.receive([QUEUE], limit=1, wait=1, bounds=bounds)
        (second,) = await other.receive([QUEUE], limit=10, wait=1, bounds=bounds)
        assert await other.receive([QUEUE], limit=10, wait=0.05, bounds=bounds) in ([], ())
        assert await self.end(broker, first)
        (third,) = await other.receive([QUEUE], limit=10, wait=1, bounds=bounds)
        assert ids([first, second, third]) == [one.id for one in parcels(3)]

    async def test_who_waits_gets_what_may_be_held_when_something_has_ended(
        self, broker: Broker, other: Broker
    ) -> None:
        await broker.publish(parcels(2))
        bounds = Bounds({QUEUE: 1}, 10)
        (first,) = await broker.receive([QUEUE], limit=5, wait=1, bounds=bounds)
        async with asyncio.timeout(self.patience):
            waiting = asyncio.create_task(
                other.receive([QUEUE], limit=5, wait=2 * self.patience, bounds=bounds)
            )
            await asyncio.sleep(0)
            assert await self.end(broker, first)
            assert len(await waiting) == 1

    async def test_a_queue_without_a_limit_gives_the_rest(self, broker: Broker) -> None:
        await broker.publish([*parcels(5), *parcels(5, first=5, queue=OTHER)])
        taken: list[str] = []
        bounds = Bounds({QUEUE: 2}, 10)
        while len(taken) < 7:
            got = await broker.receive([QUEUE, OTHER], limit=10, wait=1, bounds=bounds)
            assert got
            taken += [one.queue for one in got]
        assert sorted(taken) == [OTHER] * 5 + [QUEUE] * 2
        assert not await broker.receive([QUEUE, OTHER], limit=10, wait=0.05, bounds=bounds)

    async def test_of_queues_with_a_limit_so_many_are_taken_at_once(self, broker: Broker) -> None:
        await broker.publish([*parcels(5), *parcels(5, first=5, queue=OTHER)])
        bounds = Bounds({QUEUE: 4, OTHER: 4}, 1)
        assert len(await broker.receive([QUEUE, OTHER], limit=10, wait=1, bounds=bounds)) == 1

    async def test_a_limit_of_none_of_these_queues_changes_nothing(self, broker: Broker) -> None:
        await broker.publish(parcels(3))
        bounds = Bounds({OTHER: 1}, 1)
        assert len(await broker.receive([QUEUE], limit=10, wait=1, bounds=bounds)) == 3

    # Parking

    async def test_what_is_parked_waits_until_its_label_is_not_kept(self, broker: Broker) -> None:
        await broker.publish(parcels(4))
        for label, one in zip(("a", "b", "a", "c"), await self.take(broker, 4), strict=True):
            assert await self.end(broker, one, Requeue(due=parked_until(label)))
        assert not await broker.receive([QUEUE], limit=5, wait=0.05)
        assert (await broker.count(QUEUE)).parked == 4
        assert await broker.unpark([OTHER]) == 0
        assert await broker.unpark([OTHER, QUEUE], keep={"b", "c", "d"}) == 2
        assert ids(await self.take(broker, 2)) == ["00000", "00002"]
        assert await broker.unpark([QUEUE], keep=["a", "b", "c"]) == 0
        assert await broker.unpark([QUEUE]) == 2
        assert sorted(ids(await self.take(broker, 2))) == ["00001", "00003"]

    async def test_what_is_parked_keeps_its_priority(self, broker: Broker) -> None:
        await broker.publish([parcel("low", priority=0), parcel("high", priority=9)])
        for one in await self.take(broker, 2):
            assert await self.end(broker, one, Requeue(due=parked_until("a")))
        assert await broker.unpark([QUEUE]) == 2
        assert ids(await self.take(broker, 2)) == ["high", "low"]

    async def test_many_are_unparked(self, broker: Broker) -> None:
        await broker.publish(parcels(250))
        for one in await self.take(broker, 250):
            assert await self.end(broker, one, Requeue(due=parked_until("a")))
        assert await broker.unpark([QUEUE], keep=["b"]) == 250
        assert len(await self.take(broker, 250)) == 250

    async def test_what_waits_for_its_time_is_not_unparked(self, broker: Broker) -> None:
        await broker.publish([parcel("later", delay=3600)])
        assert await broker.unpark([QUEUE]) == 0
        assert (await broker.count(QUEUE)).delayed == 1

    # Counting

    async def test_everything_is_counted_once(self, broker: Broker, other: Broker) -> None:
        assert await broker.count(QUEUE) == Counts()
        await broker.publish([*parcels(5), parcel("later", delay=3600)])
        await broker.publish([parcel("urgent", priority=9)])
        first, second, third = await self.take(broker, 3)
        counts = await other.count(QUEUE)
        assert (counts.ready, counts.delayed, counts.parked, counts.held) == (3, 1, 0, 3)
        before = counts.gone
        assert await self.end(broker, first)
        assert await self.end(broker, second, Requeue(due=parked_until("a")))
        assert await self.end(broker, third, Requeue(delay=3600))
        counts = await other.count(QUEUE)
        assert (counts.ready, counts.delayed, counts.parked, counts.held) == (3, 2, 1, 0)
        assert counts.gone == before + 3
