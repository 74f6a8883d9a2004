"""Settle: every delivery ends once, with all its effects or none."""

from __future__ import annotations

import asyncio

import pytest

from asynq._time import monotonic
from asynq.backends.base import ResultBackend
from asynq.brokers.base import (
    SPEND,
    Advance,
    Broker,
    Bury,
    Location,
    Requeue,
    Settlement,
    Step,
    StoredRecord,
    Workflow,
)
from asynq.testing.contracts.broker_suite import EARLY, QUEUE, BrokerSuite, ids, parcel, parcels


class Settling(BrokerSuite):
    """`settle`, with each verdict and each effect."""

    async def test_what_is_acknowledged_is_gone(self, broker: Broker) -> None:
        await broker.publish([parcel("a")])
        assert await self.end(broker, await self.take_one(broker))
        assert await broker.depth(QUEUE) == 0

    async def test_settling_nothing_is_allowed(self, broker: Broker) -> None:
        assert list(await broker.settle([])) == []

    async def test_a_second_settling_writes_nothing(self, broker: Broker) -> None:
        await broker.publish([parcel("a")])
        delivery = await self.take_one(broker)
        assert await self.end(broker, delivery)
        for verdict in (Requeue(), Requeue(delay=5), Bury("again")):
            again = Settlement(delivery=delivery, verdict=verdict, publish=(parcel("next"),))
            assert list(await broker.settle([again])) == [False]
        assert await broker.depth(QUEUE) == 0
        assert await self.buried(broker, QUEUE) == []

    async def test_what_is_spent_is_still_to_be_settled(self, broker: Broker) -> None:
        await broker.publish(parcels(2))
        first, second = await self.take(broker, 2)
        for _ in range(2):
            assert await self.end(broker, first, SPEND)
        both = [Settlement(delivery=second, verdict=SPEND), Settlement(delivery=first)]
        assert list(await broker.settle(both)) == [True, True]
        assert await broker.depth(QUEUE) == 1
        assert not await self.end(broker, first, SPEND)
        assert await self.end(broker, second)
        assert await broker.depth(QUEUE) == 0

    @pytest.mark.parametrize("again", [Requeue(), Requeue(delay=0.05), Requeue(body=b"{}")])
    async def test_what_is_spent_and_goes_back_may_be_run(
        self, broker: Broker, again: Requeue
    ) -> None:
        await broker.publish([parcel("a")])
        spent = await self.take_one(broker)
        assert await self.end(broker, spent, SPEND)
        async with self.kept(broker):
            assert await self.end(broker, spent, again)
            assert not (await self.take_one(broker)).spent

    async def test_a_kept_workflow_is_one_as_soon_as_a_settlement_begins_it(
        self, broker: Broker
    ) -> None:
        """Where that never comes, because a worker died, there is none that waits for ever."""
        steps = {number: Step(parcel=parcel(f"s{number}")) for number in (1, 2)}
        await broker.workflows().keep(Workflow(id="w", steps=steps, ttl=60.0, kept=60.0))
        assert await broker.workflows().look("w") is None
        assert list(await broker.workflows().known()) == []
        await broker.publish([parcel("a")])
        start = Advance(workflow="w", start=((1, 1),))
        begins = Settlement(delivery=await self.take_one(broker), advance=(start,))
        assert list(await broker.settle([begins])) == [True]
        (known,) = await broker.workflows().known()
        assert (known.id, known.over) == ("w", "")
        assert (await self.take_one(broker)).id == "s1"

    async def test_many_are_settled_together_each_for_itself(self, broker: Broker) -> None:
        await broker.publish(parcels(300))
        deliveries = await self.take(broker, 300)
        for gone in deliveries[::3]:
            await self.end(broker, gone)
        answers = await broker.settle([Settlement(delivery=one) for one in deliveries])
        assert list(answers) == [number % 3 != 0 for number in range(300)]
        assert await broker.depth(QUEUE) == 0

    async def test_concurrent_settlings_each_get_their_own_answer(self, broker: Broker) -> None:
        await broker.publish(parcels(100))
        deliveries = await self.take(broker, 100)
        ending = [self.end(broker, one) for one in (*deliveries, *deliveries)]
        answers = await asyncio.gather(*ending)
        assert sum(answers) == 100
        assert await broker.depth(QUEUE) == 0

    async def test_what_is_handed_back_comes_unchanged_and_first(self, broker: Broker) -> None:
        await broker.publish([parcel("a"), parcel("b"), parcel("c", priority=9)])
        await self.take_one(broker)  # c
        first = await self.take_one(broker)
        assert await self.end(broker, first, Requeue())
        await broker.publish([parcel("urgent", priority=9)])
        again = await self.take_one(broker)
        assert (again.id, again.body, again.redeliveries) == ("a", first.body, 0)
        assert ids(await self.take(broker, 2)) == ["urgent", "b"]

    async def test_a_message_can_go_back_changed(self, broker: Broker) -> None:
        await broker.publish([parcel("a")])
        delivery = await self.take_one(broker)
        assert await self.end(broker, delivery, Requeue(body=b'{"retries":1}'))
        again = await self.take_one(broker)
        assert (again.id, again.body) == ("a", b'{"retries":1}')
        assert await self.end(broker, again)

    @pytest.mark.parametrize("body", [None, b'{"retries":1}'])
    async def test_a_message_can_go_back_for_later(
        self, broker: Broker, body: bytes | None
    ) -> None:
        await broker.publish([parcel("a", body=b"{}")])
        delivery = await self.take_one(broker)
        async with self.kept(broker):
            begun = monotonic()
            assert await self.end(broker, delivery, Requeue(body=body, delay=0.3))
            assert await broker.depth(QUEUE) == 1
            again = await self.take_one(broker)
            assert monotonic() - begun >= 0.3 - EARLY
        assert again.body == (body or b"{}")
        assert not await self.end(broker, delivery)
        assert await self.end(broker, again)

    async def test_what_is_buried_is_kept_aside_with_the_reason(self, broker: Broker) -> None:
        await broker.publish(parcels(2))
        first, second = await self.take(broker, 2)
        assert await self.end(broker, first, Bury("not a message"))
        assert await self.end(broker, second, Bury("unknown task: 'añadir'"))
        assert await broker.depth(QUEUE) == 0
        assert list(await self.buried(broker, QUEUE)) == [
            (first.id, "not a message"),
            (second.id, "unknown task: 'añadir'"),
        ]

    async def test_what_follows_is_published_with_the_ending(self, broker: Broker) -> None:
        await broker.publish([parcel("a")])
        follow = (parcel("next"), parcel("later", delay=3600), parcel("else", queue="another"))
        ending = Settlement(delivery=await self.take_one(broker), publish=follow)
        assert list(await broker.settle([ending])) == [True]
        assert ids(await self.take(broker, 2, QUEUE, "another")) in (
            ["next", "else"],
            ["else", "next"],
        )
        assert await broker.depth(QUEUE) == 2  # next, held, and later

    async def test_the_two_may_not_share_what_they_do_not_share(self, broker: Broker) -> None:
        assert not broker.unite(Location(server="somewhere://else", namespace="n"))

    async def test_a_record_is_written_with_the_ending(
        self, broker: Broker, backend: ResultBackend | None
    ) -> None:
        united = self._united(broker, backend)
        await broker.publish(parcels(2))
        first, second = await self.take(broker, 2)
        waiting = asyncio.create_task(united.wait(first.id))
        record = StoredRecord(id=first.id, body=b'{"result":8}', ttl=60)
        ending = Settlement(delivery=first, record=record)
        assert list(await broker.settle([ending, Settlement(delivery=second)])) == [True, True]
        async with asyncio.timeout(self.patience):
            assert await waiting == b'{"result":8}'
        assert list(await united.fetch([first.id, second.id])) == [b'{"result":8}', None]

    async def test_no_record_is_written_for_what_is_no_longer_ours(
        self, broker: Broker, backend: ResultBackend | None
    ) -> None:
        united = self._united(broker, backend)
        await broker.publish([parcel("a")])
        delivery = await self.take_one(broker)
        await self.end(broker, delivery)
        late = Settlement(delivery=delivery, record=StoredRecord(id="a", body=b'{"result":9}'))
        assert list(await broker.settle([late])) == [False]
        assert list(await united.fetch(["a"])) == [None]

    async def test_a_record_on_the_way_never_replaces_a_final_one(
        self, broker: Broker, backend: ResultBackend | None
    ) -> None:
        united = self._united(broker, backend)
        await united.store([StoredRecord(id="a", body=b'{"result":8}')])
        await broker.publish([parcel("a")])
        record = StoredRecord(id="a", body=b'{"status":"RETRY"}', final=False)
        ending = Settlement(delivery=await self.take_one(broker), verdict=Requeue(), record=record)
        assert list(await broker.settle([ending])) == [True]
        assert list(await united.fetch(["a"])) == [b'{"result":8}']
        assert ids(await self.take(broker, 1)) == ["a"]

    def _united(self, broker: Broker, backend: ResultBackend | None) -> ResultBackend:
        if backend is None:
            pytest.skip("this broker writes no records")
        assert broker.unite(backend.location)
        return backend
