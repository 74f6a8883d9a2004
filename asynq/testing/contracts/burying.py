"""Dead letters: looked at, put back, thrown away."""

from __future__ import annotations

import asyncio

import pytest

from asynq._time import time
from asynq.brokers.base import Broker, Buried, Bury, Requeue
from asynq.testing.contracts.broker_suite import (
    QUEUE,
    BrokerSuite,
    Connect,
    ids,
    parcel,
    parcels,
)


class Burying(BrokerSuite):
    """`buried`, `exhume`, `discard`."""

    async def test_what_is_kept_may_be_another_body(self, broker: Broker) -> None:
        await broker.publish([parcel("a", priority=9)])
        delivery = await self.take_one(broker)
        assert await self.end(broker, delivery, Requeue(crashed=True))
        assert await self.end(broker, await self.take_one(broker), Bury("why", b"another"))
        (letter,) = await broker.buried(QUEUE)
        assert (letter.id, letter.body, letter.redeliveries) == ("a", b"another", 1)
        assert await broker.exhume(QUEUE, {letter.receipt: None}) == 1
        assert (await self.take_one(broker)).body == b"another"

    async def test_a_dead_letter_tells_all_of_its_message(
        self, broker: Broker, other: Broker
    ) -> None:
        level = max(broker.capabilities.priorities)
        await broker.publish([parcel("a", body=b"\x00\xff", priority=level)])
        delivery = await self.take_one(broker)
        assert await self.end(broker, delivery, Requeue(crashed=True))
        before = time()
        assert await self.end(broker, await self.take_one(broker), Bury("it kills"))
        (letter,) = await other.buried(QUEUE)
        assert (letter.id, letter.queue, letter.body) == ("a", QUEUE, b"\x00\xff")
        assert (letter.reason, letter.priority, letter.redeliveries) == ("it kills", level, 1)
        assert before - 5 < letter.at < time() + 5

    async def test_a_queue_without_dead_letters_has_none(self, broker: Broker) -> None:
        assert await broker.buried_count(QUEUE) == 0
        assert list(await broker.buried("unknown")) == []
        assert await broker.discard("unknown") == 0
        assert await broker.discard("unknown", []) == 0
        assert await broker.exhume("unknown", {}) == 0

    async def test_dead_letters_are_read_page_by_page_by_age(self, broker: Broker) -> None:
        await self._bury(broker, 50)
        found: list[Buried] = []
        while page := await broker.buried(
            QUEUE, limit=15, after=found[-1].receipt if found else None
        ):
            assert len(page) <= 15
            found += page
        assert [one.id for one in found] == [one.id for one in parcels(50)]
        assert len(await broker.buried(QUEUE, limit=40)) == 40
        assert await broker.buried_count(QUEUE) == 50

    async def test_an_after_that_is_no_receipt_is_an_error(self, broker: Broker) -> None:
        with pytest.raises(ValueError, match="'x' is not the receipt"):
            await broker.buried(QUEUE, after="x")

    async def test_what_is_put_back_runs_as_if_new_with_its_priority(
        self, broker: Broker, other: Broker
    ) -> None:
        level = max(broker.capabilities.priorities)
        await broker.publish([parcel("urgent", priority=level)])
        delivery = await self.take_one(broker)
        assert await self.end(broker, delivery, Requeue(crashed=True))
        assert await self.end(broker, await self.take_one(broker), Bury("why"))
        await broker.publish([parcel("waits")])
        (letter,) = await other.buried(QUEUE)
        assert await other.exhume(QUEUE, {letter.receipt: None}) == 1
        assert list(await other.buried(QUEUE)) == []
        back, waits = await self.take(broker, 2)
        assert (back.id, back.body, back.redeliveries) == ("urgent", delivery.body, 0)
        if len(broker.capabilities.priorities) > 1:
            assert back.priority == level
        assert waits.id == "waits"
        assert await self.end(broker, back)

    async def test_what_is_put_back_may_be_changed_and_goes_by_age(self, broker: Broker) -> None:
        await self._bury(broker, 30)
        letters = list(await broker.buried(QUEUE))
        changed = {one.receipt: b"new" if one is letters[3] else None for one in letters[::-1]}
        assert await broker.exhume(QUEUE, changed) == 30
        taken = await self.take(broker, 30)
        assert ids(taken) == [one.id for one in parcels(30)]
        assert [one.body == b"new" for one in taken] == [number == 3 for number in range(30)]

    async def test_a_letter_is_put_back_once(self, broker: Broker, other: Broker) -> None:
        await self._bury(broker, 10)
        receipts = {one.receipt: None for one in await broker.buried(QUEUE)}
        counts = await asyncio.gather(*(one.exhume(QUEUE, receipts) for one in (broker, other)))
        assert sum(counts) == 10
        assert await broker.exhume(QUEUE, receipts) == 0
        assert await broker.exhume(QUEUE, {"no receipt": None}) == 0
        assert len(await self.take(broker, 10)) == 10
        assert await self.is_empty(broker)

    async def test_dead_letters_are_thrown_away_some_or_all(self, broker: Broker) -> None:
        await self._bury(broker, 10)
        letters = await broker.buried(QUEUE)
        some = [one.receipt for one in letters[:3]]
        assert await broker.discard(QUEUE, some) == 3
        assert await broker.discard(QUEUE, [*some, "no receipt"]) == 0
        assert [one.id for one in await broker.buried(QUEUE)] == [one.id for one in letters[3:]]
        assert await broker.discard(QUEUE) == 7
        assert list(await broker.buried(QUEUE)) == []
        assert await broker.depth(QUEUE) == 0

    async def test_dead_letters_of_another_queue_stay(self, broker: Broker) -> None:
        await self._bury(broker, 2)
        await self._bury(broker, 1, queue="another")
        assert await broker.discard("another") == 1
        assert len(await broker.buried(QUEUE)) == 2

    async def test_dead_letters_outlast_who_buried_them(
        self, broker: Broker, connect: Connect
    ) -> None:
        gone = connect()
        await self._bury(gone, 1)
        await gone.aclose()
        assert len(await broker.buried(QUEUE)) == 1

    async def _bury(self, broker: Broker, count: int, *, queue: str = QUEUE) -> None:
        sent = [parcel(one.id, queue=queue) for one in parcels(count)]
        await broker.publish(sent)
        for one in await self.take(broker, count, queue):
            assert await self.end(broker, one, Bury("why"))
