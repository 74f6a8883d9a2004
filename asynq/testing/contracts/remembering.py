"""The event log: appended once, read by whoever wants, from where they want."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from asynq._time import time
from asynq.brokers.base import Broker, EventLog, Page
from asynq.exceptions import OperationalError
from asynq.testing.contracts.broker_suite import BrokerSuite

PLENTY = 10_000_000
DAY = 86_400.0


def bodies(pages: Sequence[Page]) -> list[bytes]:
    """What is in them."""
    return [page.body for page in pages]


async def fill(log: EventLog, count: int, *, max_bytes: int = PLENTY) -> list[bytes]:
    """Append so many, numbered."""
    written = [b"%05d" % number for number in range(count)]
    for body in written:
        await log.append(body, max_bytes=max_bytes, expires=DAY)
    return written


class Remembering(BrokerSuite):
    """`events`: its `append` and `read`."""

    async def test_what_was_appended_is_read_in_order_by_everybody(
        self, broker: Broker, other: Broker
    ) -> None:
        written = await fill(broker.events(), 7)
        for log in (broker.events(), other.events()):
            assert bodies(await log.read("", limit=100)) == written
            assert bodies(await log.read("", limit=100)) == written

    async def test_a_log_is_read_in_pages_each_from_the_place_of_the_last(
        self, broker: Broker
    ) -> None:
        log = broker.events()
        written = await fill(log, 10)
        read: list[bytes] = []
        place = ""
        while pages := await log.read(place, limit=3):
            assert len(pages) <= 3
            read += bodies(pages)
            place = pages[-1].place
        assert read == written
        assert await log.last() == place

    async def test_any_bytes_can_be_an_entry(self, broker: Broker) -> None:
        log = broker.events()
        for body in (b"\x00\xff", b"", b"x" * 100_000):
            await log.append(body, max_bytes=PLENTY, expires=DAY)
        assert bodies(await log.read("", limit=9)) == [b"\x00\xff", b"", b"x" * 100_000]

    async def test_an_empty_log_has_no_last_place(self, broker: Broker) -> None:
        log = broker.events()
        assert await log.last() == ""
        assert await log.read("", limit=10) == []
        assert await log.read("", limit=10, wait=0.05) == []

    async def test_who_waits_is_woken(self, broker: Broker, other: Broker) -> None:
        log = broker.events()
        await fill(log, 1)
        place = await log.last()
        waiting = asyncio.create_task(log.read(place, limit=10, wait=self.patience))
        await asyncio.sleep(0.02)
        await other.events().append(b"new", max_bytes=PLENTY, expires=DAY)
        async with asyncio.timeout(self.patience):
            assert bodies(await waiting) == [b"new"]

    async def test_who_gives_up_waiting_misses_nothing(self, broker: Broker) -> None:
        log = broker.events()
        waiting = asyncio.create_task(log.read("", limit=10, wait=self.patience))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        written = await fill(log, 2)
        assert bodies(await log.read("", limit=10, wait=self.patience)) == written

    async def test_the_oldest_are_dropped_when_there_are_too_many_bytes(
        self, broker: Broker
    ) -> None:
        log = broker.events()
        large = b"x" * 5_000
        for number in range(40):
            await log.append(b"%02d" % number + large, max_bytes=50_000, expires=DAY)
        kept = [body[:2] for body in bodies(await log.read("", limit=100))]
        assert kept == [b"%02d" % number for number in range(40 - len(kept), 40)]
        assert 5 <= len(kept) <= 15

    async def test_small_entries_are_dropped_too(self, broker: Broker) -> None:
        log = broker.events()
        written = await fill(log, 1_000, max_bytes=20_000)
        kept = bodies(await log.read("", limit=1_000))
        assert kept == written[-len(kept) :]
        assert 100 <= len(kept) <= 500

    async def test_the_last_entry_stays_however_large_it_is(self, broker: Broker) -> None:
        log = broker.events()
        await fill(log, 3)
        await log.append(b"x" * 10_000, max_bytes=100, expires=DAY)
        assert bodies(await log.read("", limit=100))[-1] == b"x" * 10_000

    async def test_reading_goes_on_after_a_place_that_was_dropped(self, broker: Broker) -> None:
        log = broker.events()
        await fill(log, 1)
        place = await log.last()
        large = b"x" * 5_000
        for number in range(10):
            await log.append(b"%02d" % number + large, max_bytes=20_000, expires=DAY)
        assert bodies(await log.read(place, limit=100))[-1] == b"09" + large

    async def test_what_is_older_than_its_time_is_dropped(self, broker: Broker) -> None:
        log = broker.events()
        large = b"x" * 5_000
        for number in range(5):
            await log.append(b"%d" % number + large, max_bytes=PLENTY, expires=0.2)
        await asyncio.sleep(0.25)
        await log.append(b"young", max_bytes=PLENTY, expires=0.2)
        kept = bodies(await log.read("", limit=100))
        assert kept[-1] == b"young"
        assert len(kept) < 5

    async def test_a_time_is_a_place(self, broker: Broker) -> None:
        log = broker.events()
        await fill(log, 2)
        await asyncio.sleep(0.05)
        middle = time()
        await asyncio.sleep(0.05)
        await log.append(b"later", max_bytes=PLENTY, expires=DAY)
        assert bodies(await log.read(log.at(middle), limit=10)) == [b"later"]
        assert len(await log.read(log.at(middle - 60), limit=10)) == 3
        assert await log.read(log.at(time() + 60), limit=10) == []

    async def test_what_is_no_place_is_refused(self, broker: Broker) -> None:
        with pytest.raises(ValueError, match="'yesterday' is no place"):
            await broker.events().read("yesterday", limit=1)

    async def test_closing_ends_the_waiting(self, broker: Broker) -> None:
        log = broker.events()
        waiting = asyncio.create_task(log.read("", limit=1, wait=self.patience))
        await asyncio.sleep(0.02)
        await broker.aclose()
        async with asyncio.timeout(self.patience):
            with pytest.raises(OperationalError):
                await waiting
