from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import pytest

from asynq._time import monotonic
from asynq.brokers.base import Requeue, Settlement
from asynq.brokers.redis.broker import RedisBroker
from asynq.brokers.redis.scripts import FETCH
from asynq.exceptions import BrokerRefused
from tests.brokers.redis.conftest import Connect, Looker, parcel, parcels, take
from tests.proxy import Proxy
from tests.servers import ServerFactory
from tests.waiting import until


async def blocked_or_done(reading: asyncio.Future[Any], look: Looker) -> None:
    await until(lambda: reading.done() or b"blocked_clients:1" in look.command("INFO", "clients"))


async def test_a_limit_holds_over_all_lanes(broker: RedisBroker):
    for priority in (0, 3, 6, 9):
        await broker.publish(parcels(10, priority=priority))
    taken = await broker.receive(["q"], limit=25, wait=0)
    assert [one.priority for one in taken] == [9] * 10 + [6] * 10 + [3] * 5


async def test_no_queue_starves_another(broker: RedisBroker):
    await broker.publish([parcel(n, queue=queue) for n in range(40) for queue in "ab"])
    first = await broker.receive(["a", "b"], limit=10, wait=0)
    second = await broker.receive(["a", "b"], limit=10, wait=0)
    assert {one.queue for one in first} != {one.queue for one in second}


async def test_what_was_sent_before_the_first_worker_came_is_not_skipped(
    connect: Connect,
):
    await connect().publish(parcels(3))
    assert len(await take(connect(), 3)) == 3


async def test_a_new_worker_empties_a_server_that_is_full(
    connect: Connect, own_server: ServerFactory
):
    server = own_server()
    await connect(server.url).publish(parcels(3))
    server.command("CONFIG", "SET", "maxmemory", "1")
    worker = connect(server.url)
    taken = await take(worker, 3)
    assert await worker.settle([Settlement(delivery=one) for one in taken]) == [True] * 3


async def test_a_lost_answer_is_handed_back_and_counts_no_crash(
    connect: Connect, proxy: Proxy, look: Looker
):
    broker = connect(proxy.url)
    await broker.publish(parcels(3))
    assert await broker.receive(["other"], limit=1, wait=0) == []
    proxy.swallow(FETCH.digest)
    taken = await take(broker, 3)
    assert proxy.swallowed == 1
    assert [(one.id, one.redeliveries) for one in taken] == [
        ("id-0", 0),
        ("id-1", 0),
        ("id-2", 0),
    ]
    assert look.pending() == look.length() == 3


async def test_a_cancelled_wait_loses_nothing(broker: RedisBroker, look: Looker):
    chance = random.Random(5)
    seen: set[str] = set()
    for number in range(30):
        reading = asyncio.ensure_future(broker.receive(["q"], limit=10, wait=5.0))
        if number % 2:
            await blocked_or_done(reading, look)
        sending = asyncio.ensure_future(broker.publish([parcel(number)]))
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        reading.cancel()
        await sending
        try:
            taken = await reading
        except asyncio.CancelledError:
            continue
        seen |= {one.id for one in taken}
    while len(seen) < 30:
        taken = await broker.receive(["q"], limit=100, wait=2.0)
        assert taken, f"lost: {30 - len(seen)}"
        assert not seen & {one.id for one in taken}
        seen |= {one.id for one in taken}


async def test_what_is_held_is_not_handed_back_by_a_reconnect(broker: RedisBroker, look: Looker):
    await broker.publish(parcels(5))
    running = await take(broker, 5)
    for _ in range(3):
        look.command("CLIENT", "KILL", "TYPE", "normal")
        assert await broker.receive(["q"], limit=10, wait=0.05) == []
    settled = await broker.settle([Settlement(delivery=one) for one in running])
    assert settled == [True] * 5


async def test_resigning_hands_back_in_order_and_leaves_no_consumer(
    broker: RedisBroker, connect: Connect, look: Looker
):
    await broker.publish(parcels(450))
    await broker.publish(parcels(1, priority=9))
    running = await take(broker, 451)
    await broker.resign(["q"])
    assert look.command("XINFO", "CONSUMERS", look.keys.lane("q", 0), "w") == []
    assert look.pending() == 0
    again = await take(connect(), 451)
    assert [(one.id, one.priority) for one in again] == [
        (one.id, one.priority) for one in sorted(running, key=lambda one: -one.priority)
    ]
    assert all(one.redeliveries == 0 for one in again)
    assert await broker.settle([Settlement(delivery=running[0])]) == [False]


async def test_resigning_works_without_having_read(broker: RedisBroker):
    await broker.resign(["never used"])


@pytest.mark.parametrize("count", [256])
async def test_garbage_in_a_stream_comes_out_as_deliveries(
    broker: RedisBroker, look: Looker, count: int
):
    chance = random.Random(24)
    lane = look.keys.lane("q", 0)
    for number in range(count):
        names = [b"i", b"m", b"d", b"p", b"x", chance.randbytes(3)]
        fields = [
            word
            for name in chance.sample(names, chance.randrange(1, 5))
            for word in (name, chance.randbytes(chance.randrange(40)))
        ]
        look.command("XADD", lane, f"1-{number + 1}", *fields)
    await broker.publish([parcel("good")])
    taken = await take(broker, count + 1)
    assert taken[-1].id == "id-good"
    back = await broker.settle([Settlement(delivery=one, verdict=Requeue()) for one in taken])
    assert all(back)
    assert len(await take(broker, count + 1)) == count + 1


async def test_two_readers_never_get_the_same(connect: Connect):
    sender, one, two = connect(), connect(), connect()
    await sender.publish(parcels(500))
    ids: list[str] = []

    async def read(broker: RedisBroker) -> None:
        while taken := await broker.receive(["q"], limit=7, wait=0):
            ids.extend(delivery.id for delivery in taken)

    await asyncio.gather(read(one), read(two))
    assert len(ids) == len(set(ids)) == 500


async def test_large_messages_come_a_few_at_a_time(broker: RedisBroker, connect: Connect):
    await broker.publish(parcels(10, priority=9))
    for first in range(0, 40, 10):
        large = [parcel(f"l{first + n}", body=b"x" * 1024 * 1024) for n in range(10)]
        await broker.publish(large)
    taken = await broker.receive(["q"], limit=50, wait=0)
    assert [one.priority for one in taken][:11] == [9] * 10 + [0]
    assert 8 <= sum(len(one.body) for one in taken) / 1024 / 1024 <= 17
    rest = await take(connect(), 50 - len(taken))
    assert len({one.id for one in taken} | {one.id for one in rest}) == 50


async def test_small_messages_come_all_at_once(broker: RedisBroker):
    await broker.publish(parcels(100))
    await broker.publish(parcels(100))
    taken = await broker.receive(["q"], limit=200, wait=0)
    assert [one.id for one in taken] == [one.id for one in parcels(100) * 2]


@pytest.mark.parametrize("which", ["r", "0"])
async def test_a_stream_deleted_under_a_reader_is_read_again(
    broker: RedisBroker, connect: Connect, look: Looker, which: str
):
    other = connect()
    reading = asyncio.ensure_future(broker.receive(["q"], limit=10, wait=10.0))
    await blocked_or_done(reading, look)
    (lane,) = [lane for lane in look.keys.lanes("q") if lane.endswith(which.encode())]
    look.command("DEL", lane)
    begun = monotonic()
    await other.publish([parcel()])
    assert [one.id for one in await reading] == ["id-0"]
    assert monotonic() - begun < 3.0


async def test_a_reader_says_that_the_server_lost_its_data(
    own_server: ServerFactory, connect: Connect, caplog: pytest.LogCaptureFixture
):
    private = own_server()
    broker, second, sender = (connect(private.url) for _ in range(3))
    for one in (broker, second):
        await one.receive(["q"], limit=1, wait=0)
    await sender.publish(parcels(3))
    private.kill()
    private.start()
    await sender.publish([parcel("new")])
    with caplog.at_level(logging.CRITICAL, logger="asynq.broker"):
        assert [one.id for one in await take(broker, 1)] == ["id-new"]
        assert await second.receive(["q"], limit=1, wait=0) == []
        assert await second.receive(["q"], limit=1, wait=0) == []
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2  # each of the two, once
    assert all("has lost its data" in line for line in told)


async def test_a_server_that_kept_its_data_is_not_blamed(
    own_server: ServerFactory, connect: Connect, caplog: pytest.LogCaptureFixture
):
    private = own_server(durable=True)
    broker = connect(private.url)
    await broker.receive(["q"], limit=1, wait=0)
    await broker.publish(parcels(3))
    private.kill()
    private.start()
    assert len(await take(broker, 3)) == 3
    assert not caplog.records


async def test_another_layout_is_refused_after_a_reconnect_too(broker: RedisBroker, look: Looker):
    await broker.receive(["q"], limit=1, wait=0)
    look.command("HSET", look.keys.meta, "schema", "99")
    assert await broker.receive(["q"], limit=1, wait=0) == []
    look.command("CLIENT", "KILL", "TYPE", "normal")
    with pytest.raises(BrokerRefused, match="has layout 99"):
        await broker.receive(["q"], limit=1, wait=0)


async def test_the_longer_nothing_comes_the_less_is_asked(
    broker: RedisBroker, look: Looker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("asynq.brokers.redis.fetching.BLOCK", 0.02)
    monkeypatch.setattr("asynq.brokers.redis.fetching.LONGEST_BLOCK", 0.16)
    blocks = []
    block = broker._fetching._block

    async def noted(lanes: Any, order: Any, limit: int, seconds: float) -> Any:
        blocks.append(seconds)
        return await block(lanes, order, limit, seconds)

    monkeypatch.setattr(broker._fetching, "_block", noted)
    await broker.publish(parcels(1))
    await take(broker, 1)
    assert await broker.receive(["q"], limit=1, wait=1.0) == []
    assert blocks[:5] == [0.02, 0.04, 0.08, 0.16, 0.16]
    blocks.clear()
    await broker.publish(parcels(1))
    await take(broker, 1)
    assert await broker.receive(["q"], limit=1, wait=0.05) == []
    assert blocks[0] == 0.02


async def test_a_read_that_took_all_there_was_is_followed_by_another_without_a_look(
    broker: RedisBroker, connect: Connect, look: Looker
):
    for number in range(2):
        reading = asyncio.ensure_future(broker.receive(["q"], limit=100, wait=5.0))
        await blocked_or_done(reading, look)
        if number:
            assert b"cmdstat_evalsha" not in look.command("INFO", "commandstats")
        await connect().publish(parcels(1))
        assert len(await reading) == 1
        look.command("CONFIG", "RESETSTAT")


async def test_who_does_not_wait_looks_all_the_same(
    broker: RedisBroker, connect: Connect, look: Looker
):
    reading = asyncio.ensure_future(broker.receive(["q"], limit=100, wait=5.0))
    await blocked_or_done(reading, look)
    await connect().publish(parcels(1))
    await reading
    await connect().publish(parcels(3))
    assert len(await broker.receive(["q"], limit=100, wait=0)) == 3


async def test_a_read_that_may_have_left_something_is_followed_by_a_look(
    broker: RedisBroker, connect: Connect, look: Looker
):
    reading = asyncio.ensure_future(broker.receive(["q"], limit=100, wait=5.0))
    await blocked_or_done(reading, look)
    await connect().publish(parcels(50))
    first = await reading
    assert len(await broker.receive(["q"], limit=100, wait=5.0)) == 50 - len(first)
