"""Revoking and rescheduling: what shall not run, or at another time."""

from __future__ import annotations

import asyncio

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


class Revoking(BrokerSuite):
    """`revoke`, `revoked`, `Delivery.revoked`, `reschedule` and `now`."""

    async def test_what_is_revoked_can_be_listed(self, broker: Broker, other: Broker) -> None:
        assert await other.revocations() == {}
        await broker.revoke(["short"], ttl=60)
        await broker.revoke(["ended"], terminate=True, ttl=120)
        await broker.revoke(["long"], ttl=180)
        listed = await other.revocations()
        assert list(listed.items()) == [("long", False), ("ended", True), ("short", False)]
        assert list(await other.revocations(limit=2)) == ["long", "ended"]

    async def test_what_waits_for_its_time_can_be_listed(
        self, broker: Broker, other: Broker
    ) -> None:
        due = time() + 100
        await broker.publish([
            parcel("ready"),
            parcel("third", due=due + 2, priority=9),
            parcel("first", due=due, body=b"a|b|c"),
            parcel("second", due=due + 1),
            parcel("elsewhere", queue="elsewhere", due=due),
        ])  # fmt: skip
        listed = await other.waiting(QUEUE)
        assert [one.id for one in listed] == ["first", "second", "third"]
        assert [one.priority for one in listed] == [0, 0, 9]
        assert (listed[0].body, listed[0].queue) == (b"a|b|c", QUEUE)
        assert abs(listed[0].due - due) < 0.01
        assert [one.id for one in await other.waiting(QUEUE, limit=1)] == ["first"]
        assert await other.waiting("never used") == []

    async def test_what_was_revoked_comes_out_and_says_so(
        self, broker: Broker, other: Broker
    ) -> None:
        await broker.publish(parcels(4))
        await other.revoke(["00001", "00003"], ttl=60)
        taken = await self.take(broker, 4)
        assert [(one.id, one.revoked) for one in taken] == [
            ("00000", False),
            ("00001", True),
            ("00002", False),
            ("00003", True),
        ]
        assert all([await self.end(broker, one) for one in taken])

    async def test_a_receiver_that_waits_learns_what_was_revoked(
        self, broker: Broker, other: Broker
    ) -> None:
        for number in range(5):
            waiting = asyncio.create_task(self.take(broker, 1))
            await asyncio.sleep(0.01)
            await other.revoke([f"r{number}"], ttl=60)
            await other.publish([parcel(f"r{number}")])
            assert [(one.id, one.revoked) for one in await waiting] == [(f"r{number}", True)]
            waiting = asyncio.create_task(self.take(broker, 1))
            await asyncio.sleep(0.01)
            await other.publish([parcel(f"n{number}")])
            assert [(one.id, one.revoked) for one in await waiting] == [(f"n{number}", False)]

    async def test_a_revocation_outlasts_who_made_it(
        self, broker: Broker, connect: Connect
    ) -> None:
        gone = connect()
        await gone.publish([parcel("a")])
        await gone.revoke(["a"], ttl=60)
        await gone.aclose()
        assert (await self.take_one(broker)).revoked

    async def test_what_is_handed_back_and_revoked_says_so(
        self, broker: Broker, other: Broker
    ) -> None:
        await broker.publish([parcel("a")])
        first = await self.take_one(broker)
        await other.revoke(["a"], ttl=60)
        assert not first.revoked
        assert await self.end(broker, first, Requeue())
        again = await self.take_one(broker)
        assert again.revoked
        assert await self.end(broker, again)

    async def test_what_waits_for_its_time_comes_out_at_once(
        self, broker: Broker, other: Broker
    ) -> None:
        async with self.kept(broker):
            late = [parcel("a", delay=3600), parcel("b", delay=3600)]
            await broker.publish([*late, parcel("c", queue="another", delay=3600)])
            await other.revoke(["a", "c", "unknown"], ttl=60)
            taken = await self.take(broker, 2, QUEUE, "another")
            assert {(one.id, one.revoked) for one in taken} == {("a", True), ("c", True)}
        assert await broker.depth(QUEUE) == 2  # a, held, and b, delayed
        assert await self.is_empty(broker)

    async def test_it_can_be_asked_what_is_revoked(self, broker: Broker, other: Broker) -> None:
        assert await broker.revoked(["a"]) == {}
        assert await broker.revoked([]) == {}
        await broker.revoke([], ttl=60)
        await broker.revoke(["a", "b"], ttl=60)
        await broker.revoke(["b", "c"], terminate=True, ttl=60)
        assert await other.revoked(["a", "b", "c", "d"]) == {"a": False, "b": True, "c": True}
        await broker.revoke(["b"], ttl=60)
        assert await other.revoked(["b"]) == {"b": True}

    async def test_a_thousand_are_revoked_together(self, broker: Broker) -> None:
        sent = parcels(1_000)
        await broker.publish(sent)
        await broker.revoke([one.id for one in sent[::2]], ttl=60)
        told = await broker.revoked([one.id for one in sent])
        assert set(told) == {one.id for one in sent[::2]}
        taken = await self.take(broker, 1_000)
        assert [one.revoked for one in taken] == [number % 2 == 0 for number in range(1_000)]

    async def test_a_revocation_is_forgotten_after_its_time(self, broker: Broker) -> None:
        await broker.revoke(["a"], terminate=True, ttl=0.2)
        await broker.revoke(["b"], ttl=60)
        await broker.revoke(["b"], ttl=0.01)  # it had been remembered for longer
        async with asyncio.timeout(self.patience):
            while "a" in await broker.revoked(["a"]):
                await asyncio.sleep(0.02)
        await broker.publish([parcel("a"), parcel("b")])
        taken = await self.take(broker, 2)
        assert [(one.id, one.revoked) for one in taken] == [("a", False), ("b", True)]

    async def test_what_waits_can_be_given_another_time(
        self, broker: Broker, other: Broker
    ) -> None:
        async with self.kept(broker):
            await broker.publish([parcel("a", delay=3600), parcel("b", delay=3600)])
            begun = monotonic()
            assert await other.reschedule("a", delay=0.3)
            assert await other.reschedule("b")
            assert ids(await self.take(broker, 1)) == ["b"]
            assert ids(await self.take(broker, 1)) == ["a"]
            assert monotonic() - begun >= 0.3 - EARLY

    async def test_what_waits_can_be_put_off(self, broker: Broker) -> None:
        async with self.kept(broker):
            await broker.publish([parcel("a", delay=0.3), parcel("b", delay=0.6)])
            assert await broker.reschedule("a", due=time() + 3600)
            assert ids(await self.take(broker, 1)) == ["b"]
            assert await broker.depth(QUEUE) == 2

    async def test_what_does_not_wait_has_no_other_time(self, broker: Broker) -> None:
        assert not await broker.reschedule("unknown", delay=5)
        await broker.publish([parcel("a")])
        assert not await broker.reschedule("a", delay=5)
        assert await self.end(broker, await self.take_one(broker))
        assert not await broker.reschedule("a", delay=5)
        assert await broker.depth(QUEUE) == 0

    async def test_the_brokers_clock_goes_with_the_time(self, broker: Broker) -> None:
        assert abs(broker.now() - time()) < 5
        await self.is_empty(broker)
        before, begun = broker.now(), monotonic()
        await asyncio.sleep(0.05)
        assert abs((broker.now() - before) - (monotonic() - begun)) < 0.5
