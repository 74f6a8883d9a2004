from __future__ import annotations

import asyncio
import time

import pytest

from asynq._redis.keys import Keys
from asynq.brokers.base import Delivery, Settlement
from asynq.brokers.redis.broker import RedisBroker
from asynq.brokers.redis.scripts import REVOKED
from tests.brokers.redis.conftest import Connect, Looker, parcel, parcels, take
from tests.proxy import Proxy
from tests.servers import ServerFactory
from tests.waiting import until


async def test_what_was_revoked_in_a_block_is_always_seen(
    broker: RedisBroker, connect: Connect, look: Looker
):
    other = connect()
    for number in range(10):
        reading = asyncio.ensure_future(broker.receive(["q"], limit=10, wait=5.0))
        await until(lambda: b"blocked_clients:1" in look.command("INFO", "clients"))
        await other.revoke([f"id-{number}"], ttl=5.0)
        await other.publish([parcel(number), parcel(f"other-{number}")])
        taken = await reading
        taken += await take(broker, 2 - len(taken))
        assert [one.revoked for one in taken] == [True, False]


async def test_nothing_revoked_costs_one_question_and_no_script(broker: RedisBroker, look: Looker):
    await broker.receive(["q"], limit=1, wait=0.05)
    look.command("CONFIG", "RESETSTAT")
    await broker.receive(["q"], limit=1, wait=0.05)
    told = look.command("INFO", "commandstats").decode()
    calls = {
        line.split(":")[0].removeprefix("cmdstat_"): int(line.split("calls=")[1].split(",")[0])
        for line in told.splitlines()
        if line.startswith("cmdstat_")
    }
    assert calls.pop("evalsha") == 1
    assert calls.pop("exists") == 1
    assert calls.pop("xreadgroup") == 6
    assert set(calls) <= {"config|resetstat", "info"}


async def test_a_loss_while_it_is_asked_what_is_revoked_loses_nothing(
    connect: Connect, proxy: Proxy, look: Looker
):
    broker, other = connect(proxy.url, lease=5.0), connect()
    await other.revoke(["id-0"], ttl=5.0)
    reading = asyncio.ensure_future(broker.receive(["q"], limit=10, wait=5.0))
    await until(lambda: b"blocked_clients:1" in look.command("INFO", "clients"))
    proxy.swallow(REVOKED.digest)
    await other.publish(parcels(2))
    taken = await reading
    taken += await take(broker, 2 - len(taken))
    assert proxy.swallowed == 1
    assert [(one.id, one.revoked) for one in taken] == [("id-0", True), ("id-1", False)]
    assert [one.redeliveries for one in taken] == [0, 0]


async def test_a_message_in_the_return_lane_is_seen_as_revoked(connect: Connect, look: Looker):
    leaving, broker = connect(), connect()
    await leaving.publish(parcels(2, priority=9))
    await take(leaving, 2)
    await leaving.resign(["q"])
    await broker.revoke(["id-1"], ttl=5.0)
    assert [one.revoked for one in await take(broker, 2)] == [False, True]


async def test_what_is_revoked_is_forgotten_by_the_server_too(broker: RedisBroker, look: Looker):
    await broker.revoke(["a"], terminate=True, ttl=0.05)
    await broker.revoke(["b"], ttl=30.0)
    keys = look.keys
    assert 25 < look.command("TTL", keys.revoked) <= 30
    await until(lambda: not look.command("EXISTS", keys.terminated))
    await broker.revoke(["c"], ttl=1.0)
    assert look.command("ZRANGE", keys.revoked, 0, -1) == [b"c", b"b"]
    assert 25 < look.command("TTL", keys.revoked) <= 30


async def test_a_time_without_end_is_a_long_one(broker: RedisBroker):
    await broker.revoke(["a"], ttl=float("inf"))
    assert await broker.revoked(["a"]) == {"a": False}


async def test_a_full_server_lets_be_revoked_and_rescheduled(
    own_server: ServerFactory, connect: Connect, namespace: str
):
    private = own_server()
    broker = connect(private.url)
    await broker.publish([parcel("a", delay=60.0), parcel("b", delay=60.0)])
    private.command("CONFIG", "SET", "maxmemory", "1")
    await broker.revoke(["id-a"], terminate=True, ttl=60.0)
    assert await broker.reschedule("id-b", delay=0.05)
    taken = await take(broker, 2)
    assert [(one.id, one.revoked) for one in taken] == [("id-a", True), ("id-b", False)]
    assert await broker.settle([Settlement(delivery=one) for one in taken]) == [True, True]
    assert Looker(private, Keys(namespace)).length() == 0


async def test_revoking_many_among_many_queues_blocks_the_server_for_moments(
    broker: RedisBroker, look: Looker
):
    await broker.publish([parcel(n, queue=f"q{n}", delay=60.0) for n in range(100)])
    look.command("CONFIG", "SET", "slowlog-log-slower-than", 50_000)
    look.command("SLOWLOG", "RESET")
    await broker.revoke([f"id-{n}" for n in range(2000)], ttl=60.0)
    slow = look.command("SLOWLOG", "GET", 10)
    look.command("CONFIG", "SET", "slowlog-log-slower-than", 10_000)
    assert slow == []
    lanes = [look.keys.lane(f"q{n}", 0) for n in range(100)]
    assert all(look.command("XLEN", lane) == 1 for lane in lanes)


async def test_what_waits_comes_without_anybodys_upkeep(broker: RedisBroker, connect: Connect):
    other = connect()
    await broker.publish([parcel("a", delay=60.0), parcel("b", delay=60.0)])
    begun = time.monotonic()
    await other.revoke(["id-a"], ttl=60.0)
    assert await other.reschedule("id-b", delay=0.1)
    taken = await take(broker, 2)
    assert [one.id for one in taken] == ["id-a", "id-b"]
    assert time.monotonic() - begun < 5.0


async def test_a_time_far_away_is_left_to_the_upkeep(broker: RedisBroker, look: Looker):
    await broker.publish([parcel("a", delay=60.0)])
    seconds, _ = look.command("TIME")
    assert await broker.reschedule("id-a", due=int(seconds) + 500.0)
    (_, due) = look.command("ZRANGE", look.keys.delayed("q"), 0, -1, "WITHSCORES")
    assert float(due) / 1000 == pytest.approx(int(seconds) + 500.0)


async def test_one_id_in_two_queues_is_given_one_time(broker: RedisBroker, look: Looker):
    await broker.publish([parcel("a", delay=60.0), parcel("a", queue="other", delay=60.0)])
    assert await broker.reschedule("id-a")
    assert {one.queue for one in await take_of(broker, 2, "q", "other")} == {"q", "other"}


async def take_of(broker: RedisBroker, count: int, *queues: str) -> list[Delivery]:
    taken: list[Delivery] = []
    while len(taken) < count and (more := await broker.receive(queues, limit=9, wait=5.0)):
        taken += more
    return taken
