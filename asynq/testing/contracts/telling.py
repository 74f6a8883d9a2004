"""Fanout: said once, heard by all who listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from asynq.brokers.base import Broker
from asynq.testing.contracts.broker_suite import BrokerSuite


class Telling(BrokerSuite):
    """`fanout`: its `publish` and `subscribe`."""

    async def hear(self, listener: AsyncIterator[bytes | None], count: int) -> list[bytes | None]:
        """The next so many."""
        async with asyncio.timeout(self.patience):
            return [await anext(listener) for _ in range(count)]

    async def test_all_who_listen_hear_it_in_order(self, broker: Broker, other: Broker) -> None:
        said = [b"%d" % number for number in range(250)]
        async with (
            broker.fanout().subscribe("control") as first,
            broker.fanout().subscribe("control") as second,
            other.fanout().subscribe("control") as third,
        ):
            for body in said:
                await other.fanout().publish("control", body)
            for listener in (first, second, third):
                assert await self.hear(listener, 250) == said

    async def test_who_waits_is_woken(self, broker: Broker, other: Broker) -> None:
        async with broker.fanout().subscribe("control") as listener:
            for body in (b"a", b"", b"\x00\xff"):
                waiting = asyncio.create_task(self.hear(listener, 1))
                await asyncio.sleep(0.01)
                await other.fanout().publish("control", body)
                assert await waiting == [body]

    async def test_what_was_said_before_is_not_heard(self, broker: Broker) -> None:
        fanout = broker.fanout()
        await fanout.publish("control", b"before")
        async with fanout.subscribe("control") as listener:
            await fanout.publish("control", b"after")
            assert await self.hear(listener, 1) == [b"after"]
        async with fanout.subscribe("control") as listener:
            await fanout.publish("control", b"later")
            assert await self.hear(listener, 1) == [b"later"]

    async def test_a_channel_is_its_own(self, broker: Broker) -> None:
        fanout = broker.fanout()
        async with fanout.subscribe("one") as one, fanout.subscribe("two") as two:
            await fanout.publish("two", b"2")
            await fanout.publish("one", b"1")
            assert await self.hear(one, 1) == [b"1"]
            assert await self.hear(two, 1) == [b"2"]

    async def test_nobody_needs_to_listen(self, broker: Broker) -> None:
        await broker.fanout().publish("control", b"a")

    async def test_giving_up_on_the_next_loses_nothing(self, broker: Broker) -> None:
        fanout = broker.fanout()
        async with fanout.subscribe("control") as listener:
            heard: list[bytes | None] = []
            for number in range(10):
                waiting = asyncio.create_task(self.hear(listener, 1))
                await asyncio.sleep(0.005)
                waiting.cancel()
                await asyncio.wait([waiting])
                if not waiting.cancelled():
                    heard += waiting.result()
                await fanout.publish("control", b"%d" % number)
            heard += await self.hear(listener, 10 - len(heard))
            assert heard == [b"%d" % number for number in range(10)]

    async def test_who_is_too_slow_is_told_so_and_hears_the_last(self, broker: Broker) -> None:
        fanout = broker.fanout()
        async with fanout.subscribe("control") as listener:
            await fanout.publish("control", b"begin")
            assert await self.hear(listener, 1) == [b"begin"]
            for number in range(5_000):
                await fanout.publish("control", b"%d" % number)
            heard = [await anext(listener)]
            while heard[-1] != b"4999":
                heard += await self.hear(listener, 1)
            assert None in heard
            bodies = [int(body) for body in heard if body is not None]
            assert bodies == sorted(set(bodies))
            assert len(bodies) < 5_000
