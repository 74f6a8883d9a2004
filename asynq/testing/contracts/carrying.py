"""Publish and receive: what goes in comes out, once, in order, not too early."""

from __future__ import annotations

import asyncio
import random

import pytest

from asynq._time import monotonic, time
from asynq.brokers.base import Broker, Requeue
from asynq.testing.contracts.broker_suite import (
    EARLY,
    QUEUE,
    BrokerSuite,
    Connect,
    ids,
    parcel,
    parcels,
)


class Carrying(BrokerSuite):
    """`publish`, `receive`, and looking into the queues."""

    async def waits_since(self, broker: Broker) -> float:
        """Since when the oldest waits, where something must."""
        since = (await broker.count(QUEUE)).oldest
        assert since is not None
        return since

    async def passes(self, moment: float) -> None:
        """Let the clock go past it, as far as servers tell times apart."""
        while time() <= moment + 2 * EARLY:
            await asyncio.sleep(0.002)

    async def test_a_parcel_comes_out_as_it_went_in(self, broker: Broker, other: Broker) -> None:
        body = bytes(range(256)) * 300
        await broker.publish([parcel("a", body=body)])
        delivery = await self.take_one(other)
        assert (delivery.id, delivery.queue, delivery.body) == ("a", QUEUE, body)
        assert delivery.redeliveries == 0

    async def test_an_empty_queue_gives_nothing(self, broker: Broker) -> None:
        assert list(await broker.receive([QUEUE], limit=5, wait=0.05)) == []
        assert list(await broker.receive([QUEUE], limit=5, wait=0)) == []

    async def test_publishing_nothing_is_allowed(self, broker: Broker) -> None:
        await broker.publish([])
        assert await broker.depth(QUEUE) == 0

    async def test_many_parcels_come_out_once_each_by_age(self, broker: Broker) -> None:
        sent = parcels(1_000)
        await broker.publish(sent)
        assert ids(await self.take(broker, 1_000)) == [one.id for one in sent]
        assert await self.is_empty(broker)

    async def test_concurrent_publishers_lose_nothing(self, broker: Broker) -> None:
        sent = parcels(500)
        await asyncio.gather(*(broker.publish([one]) for one in sent))
        assert sorted(ids(await self.take(broker, 500))) == [one.id for one in sent]

    async def test_two_receivers_never_get_the_same_message(
        self, broker: Broker, other: Broker
    ) -> None:
        await broker.publish(parcels(100))
        halves = await asyncio.gather(self.take(broker, 50), self.take(other, 50))
        assert len({*ids(halves[0]), *ids(halves[1])}) == 100
        assert await self.is_empty(other)

    async def test_a_limit_is_kept_about(self, broker: Broker) -> None:
        await broker.publish(parcels(50))
        assert 1 <= len(await broker.receive([QUEUE], limit=5, wait=1)) <= 10

    async def test_higher_priorities_come_first_and_then_age(self, broker: Broker) -> None:
        levels = sorted(broker.capabilities.priorities)
        sent = [parcel(f"{level}-{turn}", priority=level) for turn in "ab" for level in levels]
        await broker.publish(sent)
        received = await self.take(broker, len(sent))
        expected = [f"{level}-{turn}" for level in reversed(levels) for turn in "ab"]
        assert ids(received) == expected

    async def test_every_priority_is_accepted(self, broker: Broker) -> None:
        await broker.publish([parcel(str(level), priority=level) for level in range(10)])
        received = ids(await self.take(broker, 10))
        assert sorted(received) == sorted("0123456789")
        if len(broker.capabilities.priorities) > 1:
            assert received.index("9") < received.index("0")

    async def test_a_receiver_that_waits_is_woken(self, broker: Broker, other: Broker) -> None:
        async with asyncio.timeout(self.patience):
            waiting = asyncio.create_task(broker.receive([QUEUE], limit=1, wait=2 * self.patience))
            await other.publish([parcel("a")])
            assert ids(await waiting) == ["a"]

    async def test_only_the_queues_asked_for_are_read(self, broker: Broker) -> None:
        await broker.publish([parcel("a", queue="one"), parcel("b", queue="two")])
        assert ids(await self.take(broker, 1, "two", "three")) == ["b"]
        assert ids(await self.take(broker, 1, "one", "two")) == ["a"]

    async def test_no_queue_waits_behind_a_full_one(self, broker: Broker) -> None:
        await broker.publish([parcel(f"f{number}", queue="full") for number in range(200)])
        await broker.publish([parcel("a", queue="quiet")])
        received: list[str] = []
        while "a" not in received and len(received) < 201:
            received += ids(await broker.receive(["full", "quiet"], limit=10, wait=1))
        assert "a" in received

    async def test_a_delayed_message_comes_when_it_is_due(self, broker: Broker) -> None:
        async with self.kept(broker):
            begun = monotonic()
            await broker.publish([parcel("late", delay=0.3), parcel("now")])
            assert ids(await self.take(broker, 1)) == ["now"]
            assert ids(await self.take(broker, 1)) == ["late"]
            assert monotonic() - begun >= 0.3 - EARLY

    async def test_delayed_messages_come_in_the_order_they_are_due(self, broker: Broker) -> None:
        async with self.kept(broker):
            await broker.publish([parcel("second", delay=0.4), parcel("first", delay=0.1)])
            assert ids(await self.take(broker, 2)) == ["first", "second"]

    async def test_a_due_time_stands_over_a_delay(self, broker: Broker) -> None:
        async with self.kept(broker):
            due = time() + 0.3
            await broker.publish(
                [
                    parcel("past", due=time() - 60, delay=3600),
                    parcel("future", due=due, delay=0),
                ]
            )
            assert ids(await self.take(broker, 1)) == ["past"]
            assert ids(await self.take(broker, 1)) == ["future"]
            assert time() >= due - EARLY

    async def test_a_cancelled_receive_loses_nothing(
        self, broker: Broker, other: Broker, connect: Connect
    ) -> None:
        chance = random.Random(7)
        received: set[str] = set()
        sent = parcels(60)
        for one in sent:
            receiving = asyncio.create_task(broker.receive([QUEUE], limit=1, wait=1))
            await asyncio.sleep(chance.random() * 0.002)
            publishing = asyncio.ensure_future(other.publish([one]))
            await asyncio.sleep(chance.random() * 0.002)
            receiving.cancel()
            await asyncio.wait([receiving, publishing])
            if not receiving.cancelled():
                received.update(ids(receiving.result()))
        async with self.kept(other):
            while len(received) < len(sent):
                received.update(ids(await self.take(broker, 1)))

    async def test_depth_counts_what_is_ready_delayed_and_held(self, broker: Broker) -> None:
        assert await broker.depth(QUEUE) == 0
        await broker.publish([*parcels(3), parcel("late", delay=3600)])
        assert await broker.depth(QUEUE) == 4
        (first, *_) = await self.take(broker, 2)
        assert await broker.depth(QUEUE) == 4
        await self.end(broker, first)
        assert await broker.depth(QUEUE) == 3

    async def test_the_oldest_is_what_has_waited_longest(
        self, broker: Broker, other: Broker
    ) -> None:
        assert (await broker.count(QUEUE)).oldest is None
        before = time()
        await broker.publish([parcel("first")])
        first = await self.waits_since(broker)
        assert before - EARLY <= first <= time() + EARLY
        await self.passes(first)
        await broker.publish([parcel("second"), parcel("urgent", priority=9)])
        await broker.publish([parcel("elsewhere", queue="another")])
        assert (await other.count(QUEUE)).oldest == first
        (*held,) = await self.take(broker, 3)
        assert (await broker.count(QUEUE)).oldest is None
        assert await self.end(broker, held[0])
        assert (await broker.count(QUEUE)).oldest is None
        assert await self.end(broker, held[1], Requeue())
        assert await self.waits_since(broker) > first

    async def test_a_delivery_knows_since_when_it_has_waited(self, broker: Broker) -> None:
        await broker.publish([parcel("a")])
        came = await self.waits_since(broker)
        await self.passes(came)
        first = await self.take_one(broker)
        assert first.since in (came, None)
        if first.since is None:  # this broker can't tell
            return
        await self.end(broker, first, Requeue())
        again = await self.take_one(broker)
        assert again.since is not None
        assert came < again.since <= time() + EARLY

    async def test_a_delayed_delivery_has_waited_since_it_was_due(self, broker: Broker) -> None:
        due = time() + 0.2
        async with self.kept(broker):
            await broker.publish([parcel("late", due=due)])
            delivery = await self.take_one(broker)
        assert delivery.since is None or due - EARLY <= delivery.since <= time() + EARLY

    async def test_what_is_delayed_waits_since_it_was_due(self, broker: Broker) -> None:
        due = round(time(), 3) - 60
        await broker.publish([parcel("late", delay=3600)])
        assert (await broker.count(QUEUE)).oldest is None
        assert await broker.reschedule("late", due=due)
        assert (await broker.count(QUEUE)).oldest == pytest.approx(due, abs=EARLY)

    async def test_nothing_waits_after_a_purge(self, broker: Broker) -> None:
        await broker.publish(parcels(3))
        await self.take_one(broker)
        await broker.publish(parcels(3, first=3))
        assert await broker.purge(QUEUE) == 5
        assert (await broker.count(QUEUE)).oldest is None

    async def test_purge_throws_away_what_waits_and_not_what_runs(self, broker: Broker) -> None:
        await broker.publish(parcels(5))
        held = await self.take_one(broker)
        await broker.publish([parcel("late", delay=3600), parcel("urgent", priority=9)])
        await broker.publish([parcel("b", queue="another")])
        assert await broker.purge(QUEUE) == 6
        assert await broker.depth(QUEUE) == 1
        assert await self.is_empty(broker)
        assert await self.end(broker, held)
        assert await broker.purge(QUEUE) == 0
        assert await broker.depth("another") == 1

    async def test_the_queues_in_use_are_known(self, broker: Broker, other: Broker) -> None:
        await broker.publish([parcel("b", queue="two"), parcel("a", queue="one")])
        known = list(await other.queues())
        assert known == sorted(known)
        assert {"one", "two"} <= set(known)

    async def test_closing_twice_does_nothing(self, connect: Connect) -> None:
        used, unused = connect(), connect()
        await used.publish([parcel("a")])
        for broker in (used, used, unused, unused):
            await broker.aclose()
