"""Who holds a delivery, for how long, and what happens when it vanishes."""

from __future__ import annotations

import asyncio

import pytest

from asynq._time import monotonic
from asynq.brokers.base import SPEND, Broker, Requeue
from asynq.testing.contracts.broker_suite import QUEUE, BrokerSuite, Connect, ids, parcel, parcels


class Holding(BrokerSuite):
    """Resigning, vanishing, leases, and the list of workers."""

    async def test_who_resigns_hands_back_in_order_and_first(
        self, broker: Broker, connect: Connect
    ) -> None:
        leaving = connect()
        await leaving.publish(parcels(5))
        held = await self.take(leaving, 3)
        await leaving.resign([QUEUE])
        assert not await self.end(leaving, held[0])
        await leaving.aclose()
        received = await self.take(broker, 5)
        assert ids(received) == [one.id for one in parcels(5)]
        assert {one.redeliveries for one in received} == {0}

    async def test_resigning_with_nothing_in_hand_is_allowed(self, broker: Broker) -> None:
        await broker.resign([QUEUE])
        await broker.resign([])

    async def test_what_a_lost_worker_held_comes_out_again(
        self, broker: Broker, connect: Connect
    ) -> None:
        lost = connect()
        await lost.publish([parcel("a")])
        first = await self.take_one(lost)
        await self.vanish(lost)
        async with self.kept(broker):
            again = await self.take_one(broker)
        assert (again.id, again.body, again.redeliveries) == ("a", first.body, 1)
        assert await self.end(broker, again)
        assert await broker.depth(QUEUE) == 0

    async def test_redeliveries_are_kept_until_they_are_reset(
        self, broker: Broker, connect: Connect
    ) -> None:
        lost = connect()
        await lost.publish([parcel("a")])
        await self.take_one(lost)
        await self.vanish(lost)
        async with self.kept(broker):
            seen: list[int] = []
            for verdict in (
                Requeue(),
                Requeue(delay=0.05),
                Requeue(body=b"{}"),
                Requeue(crashed=True),
                Requeue(delay=0.05, crashed=True),
                Requeue(delay=0.05, reset=True),
            ):
                delivery = await self.take_one(broker)
                seen.append(delivery.redeliveries)
                assert await self.end(broker, delivery, verdict)
            seen.append((await self.take_one(broker)).redeliveries)
        assert seen == [1, 1, 1, 1, 2, 3, 0]

    async def test_what_a_lost_worker_had_spent_comes_out_as_such(
        self, broker: Broker, connect: Connect
    ) -> None:
        lost = connect()
        await lost.publish(parcels(2))
        spent, _ = await self.take(lost, 2)
        assert not spent.spent
        assert await self.end(lost, spent, SPEND)
        await self.vanish(lost)
        async with self.kept(broker):
            found = {one.id: one for one in await self.take(broker, 2)}
        assert [one.spent for one in found.values()].count(True) == 1
        again = found[spent.id]
        assert (again.spent, again.body, again.redeliveries) == (True, spent.body, 1)
        assert [await self.end(broker, one) for one in found.values()] == [True, True]

    async def test_what_is_spent_stays_so_when_its_worker_resigns(
        self, broker: Broker, connect: Connect
    ) -> None:
        leaving = connect()
        await leaving.publish([parcel("a")])
        assert await self.end(leaving, await self.take_one(leaving), SPEND)
        await leaving.resign([QUEUE])
        await leaving.aclose()
        again = await self.take_one(broker)
        assert (again.spent, again.redeliveries) == (True, 0)
        assert await self.end(broker, again)

    @pytest.mark.parametrize("back", [Requeue(), Requeue(delay=0.05), Requeue(crashed=True)])
    async def test_what_came_out_as_spent_stays_so_when_it_goes_back(
        self, broker: Broker, connect: Connect, back: Requeue
    ) -> None:
        leaving = connect()
        await leaving.publish([parcel("a")])
        assert await self.end(leaving, await self.take_one(leaving), SPEND)
        await leaving.resign([QUEUE])
        await leaving.aclose()
        async with self.kept(broker):
            for _ in range(2):
                again = await self.take_one(broker)
                assert again.spent
                assert await self.end(broker, again, back)
            again = await self.take_one(broker)
        assert again.spent
        assert await self.end(broker, again)

    async def test_a_spent_delivery_that_is_renewed_stays_ours(
        self, broker: Broker, other: Broker
    ) -> None:
        keeper = broker.lease_keeper()
        if keeper is None:
            pytest.skip("this broker has no leases")
        await broker.publish([parcel("a")])
        spent = await self.take_one(broker)
        assert await self.end(broker, spent, SPEND)
        until = monotonic() + 3 * self.lease
        async with self.kept(other):
            while monotonic() < until:
                assert list(await asyncio.to_thread(keeper.renew)) == []
                assert not await other.receive([QUEUE], limit=5, wait=self.lease / 4)
        await asyncio.to_thread(keeper.close)
        assert await self.end(broker, spent)
        assert await broker.depth(QUEUE) == 0

    async def test_a_renewed_delivery_stays_ours(self, broker: Broker, other: Broker) -> None:
        keeper = broker.lease_keeper()
        assert (keeper is not None) == broker.capabilities.leases
        if keeper is None:
            pytest.skip("this broker has no leases")
        await broker.publish(parcels(3))
        held = await self.take(broker, 3)
        until = monotonic() + 4 * self.lease
        async with self.kept(other):
            while monotonic() < until:
                assert list(await asyncio.to_thread(keeper.renew)) == []
                assert not await other.receive([QUEUE], limit=5, wait=self.lease / 4)
        await asyncio.to_thread(keeper.close)
        assert [await self.end(broker, one) for one in held] == [True] * 3

    async def test_a_keeper_says_what_was_lost(self, broker: Broker, other: Broker) -> None:
        keeper = broker.lease_keeper()
        if keeper is None:
            pytest.skip("this broker has no leases")
        await broker.publish(parcels(2))
        kept, lost = await self.take(broker, 2)
        assert await self.end(broker, kept)
        async with self.kept(other):
            again = await self.take_one(other)
        assert (again.id, again.redeliveries) == (lost.id, 1)
        assert list(await asyncio.to_thread(keeper.renew)) == [lost]
        await asyncio.to_thread(keeper.close)
        assert not await self.end(broker, lost)
        assert await self.end(other, again)

    async def test_a_worker_that_announces_itself_is_seen(
        self, broker: Broker, other: Broker
    ) -> None:
        assert await other.workers() == {}
        await broker.announce("w1@host", b"1", ttl=60)
        await broker.announce("w2@host", b"2", ttl=60)
        await broker.announce("w1@host", b"3", ttl=60)
        assert await other.workers() == {"w1@host": b"3", "w2@host": b"2"}
        await broker.announce("w1@host", b"", ttl=0)
        assert await other.workers() == {"w2@host": b"2"}

    async def test_a_worker_not_heard_of_is_no_longer_seen(
        self, broker: Broker, other: Broker
    ) -> None:
        await broker.announce("w1@host", b"1", ttl=0.2)
        assert "w1@host" in await other.workers()
        async with asyncio.timeout(self.patience):
            while await other.workers():
                await asyncio.sleep(0.02)

    async def test_a_worker_that_has_fallen_silent_is_remembered_with_its_last_word(
        self, broker: Broker, other: Broker
    ) -> None:
        await broker.announce("mute@host", b"last", ttl=0.2)
        await broker.announce("left@host", b"", ttl=60)
        await broker.announce("left@host", b"", ttl=0)
        async with asyncio.timeout(self.patience):
            while await other.workers():
                await asyncio.sleep(0.02)
        await broker.announce("well@host", b"here", ttl=60)
        seen = await other.sightings()
        assert {name: (one.info, one.alive) for name, one in seen.items()} == {
            "mute@host": (b"last", False),
            "well@host": (b"here", True),
        }
        assert 0.15 < seen["mute@host"].age < self.patience
        assert seen["well@host"].age < seen["mute@host"].age

    async def test_a_look_at_the_server_says_what_it_found(self, broker: Broker) -> None:
        findings = await broker.diagnose()
        assert {one.level for one in findings} <= {"ok", "warning", "error"}
        assert all(one.topic and one.text for one in findings)
        assert all(one.advice for one in findings if one.level != "ok")
