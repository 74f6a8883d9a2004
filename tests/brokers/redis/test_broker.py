from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from asynq._redis.keys import Keys
from asynq.brokers.base import (
    Bury,
    Delivery,
    Location,
    Parcel,
    Requeue,
    Settlement,
    StoredRecord,
)
from asynq.brokers.redis.broker import RedisBroker
from asynq.exceptions import BrokerFull, BrokerRefused, OperationalError
from tests.brokers.redis.conftest import Connect, Looker, parcel, parcels, take
from tests.proxy import Proxy
from tests.servers import ServerFactory
from tests.waiting import until


def done(delivery: Delivery, **record: object) -> Settlement:
    if not record:
        return Settlement(delivery=delivery)
    stored = StoredRecord(**{"id": delivery.id, "body": b'{"r":8}', **record})
    return Settlement(delivery=delivery, record=stored)


@pytest.mark.both_loops
async def test_ten_thousand_publishes_need_one_connection(broker: RedisBroker, look: Looker):
    await asyncio.gather(*(broker.publish([one]) for one in parcels(10_000)))
    assert look.length() == 10_000
    assert look.clients() == 1
    ids = [fields[b"i"] for fields in look.entries(look.keys.lane("q", 0))]
    assert len(set(ids)) == 10_000


async def test_more_parcels_than_a_batch_holds_are_stored_in_order(
    broker: RedisBroker, look: Looker
):
    await broker.publish(parcels(250))
    ids = [fields[b"i"].decode() for fields in look.entries(look.keys.lane("q", 0))]
    assert ids == [f"id-{number}" for number in range(250)]


async def test_a_batch_whose_reply_was_lost_is_stored_once(
    connect: Connect, proxy: Proxy, look: Looker
):
    broker = connect(proxy.url)
    await broker.publish(parcels(1, queue="first"))
    for _ in range(3):
        proxy.swallow(b"EVALSHA")
        await broker.publish(parcels(10))
    assert proxy.swallowed == 3
    assert look.length() == 30


async def test_a_settlement_whose_reply_was_lost_is_told_truthfully(
    connect: Connect, proxy: Proxy, look: Looker
):
    broker, thief = connect(proxy.url), connect()
    await broker.publish(parcels(3))
    first, second, third = await take(broker, 3)
    await thief.receive(["q"], limit=1, wait=0)
    look.command("XACK", look.keys.lane("q", 0), "w", second.entry)
    proxy.swallow(b"EVALSHA")
    assert await broker.settle([done(one, ttl=9.0) for one in (first, second, third)]) == [
        True,
        False,
        True,
    ]
    assert proxy.swallowed == 1
    results = [look.command("EXISTS", look.keys.result(one.id)) for one in (first, second, third)]
    assert results == [1, 0, 1]
    (fourth,) = await _one_more(broker)
    proxy.swallow(b"EVALSHA")
    assert await broker.settle([done(fourth)]) == [True]


async def _one_more(broker: RedisBroker) -> list[Delivery]:
    await broker.publish([parcel("more")])
    return await take(broker, 1)


async def test_a_full_server_refuses_new_work_and_lets_what_runs_end(
    own_server: ServerFactory, connect: Connect, namespace: str
):
    private = own_server()
    broker = connect(private.url)
    look = Looker(private, Keys(namespace))
    await broker.publish(parcels(3))
    first, second, third = await take(broker, 3)
    private.command("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(BrokerFull, match="out of memory"):
        await broker.publish(parcels(5))
    with pytest.raises(BrokerFull, match="out of memory"):
        await broker.publish(parcels(5, delay=5.0))
    follow_up = Settlement(
        delivery=first,
        record=StoredRecord(id=first.id, body=b"8", ttl=9.0),
        publish=(parcel("next"),),
    )
    again = Settlement(delivery=second, verdict=Requeue(delay=60.0))
    buried = Settlement(delivery=third, verdict=Bury("bad"))
    assert await broker.settle([follow_up, again, buried]) == [True, True, True]
    await broker.announce("worker", b"still here", ttl=5.0)
    private.command("CONFIG", "SET", "maxmemory", "0")
    await broker.publish([parcel("later")])
    assert {one.id for one in await take(broker, 2)} == {"id-next", "id-later"}
    assert private.command("GET", look.keys.result(first.id)) == b"8"
    assert private.command("ZCARD", look.keys.delayed("q")) == 1
    assert private.command("EXISTS", look.keys.delayed("q"), look.keys.buried("q")) == 2


async def test_a_vanished_stream_is_made_again(broker: RedisBroker, look: Looker):
    reading = asyncio.ensure_future(broker.receive(["q"], limit=10, wait=10.0))
    await until(lambda: b"blocked_clients:1" in look.command("INFO", "clients"))
    look.command("FLUSHALL")
    await broker.publish(parcels(2))
    ids = {one.id for one in await reading}
    ids |= {one.id for one in await take(broker, 2 - len(ids))}
    assert ids == {"id-0", "id-1"}


async def test_scripts_may_be_forgotten_at_any_time(broker: RedisBroker, look: Looker):
    for turn in range(20):
        look.command("SCRIPT", "FLUSH")
        await broker.publish([parcel(turn)])
        look.command("SCRIPT", "FLUSH")
        (delivery,) = await take(broker, 1)
        look.command("SCRIPT", "FLUSH")
        assert await broker.settle([done(delivery, ttl=1.0)]) == [True]
    assert look.length() == 0


async def test_every_kind_of_connection_survives_being_killed(connect: Connect, look: Looker):
    broker, sender = connect(), connect()
    settled: Counter[str] = Counter()
    for turn in range(10):
        reading = asyncio.ensure_future(broker.receive(["q"], limit=10, wait=5.0))
        if turn:
            await until(lambda: b"blocked_clients:1" in look.command("INFO", "clients"))
        look.command("CLIENT", "KILL", "TYPE", "normal")
        await sender.publish([parcel(turn)])
        deliveries = await reading
        assert await broker.settle([done(one) for one in deliveries]) == [True]
        settled.update(one.id for one in deliveries)
    assert settled == Counter(f"id-{turn}" for turn in range(10))


async def test_a_database_for_results_that_is_not_there_costs_no_message(
    broker: RedisBroker, look: Looker
):
    assert broker.unite(Location(server=broker.location.server, database=99, namespace="results"))
    await broker.publish(parcels(1))
    (delivery,) = await take(broker, 1)
    record = StoredRecord(id="id-0", body=b"{}")
    with pytest.raises(OperationalError, match="out of range"):
        await broker.settle([Settlement(delivery=delivery, record=record)])
    assert (look.length(), look.pending()) == (1, 1)


async def test_results_may_live_in_another_database(
    broker: RedisBroker, look: Looker, namespace: str
):
    assert not broker.unite(Location(server="redis://elsewhere:6379"))
    where = Location(server=broker.location.server, database=5, namespace="results")
    assert broker.unite(where)
    await broker.publish(parcels(2))
    first, second = await take(broker, 2)
    keys = Keys("results")
    assert await broker.settle(
        [done(first, ttl=9.0, reply_to="me"), done(second, reply_to="me", final=False)]
    ) == [True, True]
    script = "redis.call('SELECT', 5) return redis.call(unpack(ARGV))"
    there = lambda *words: look.command("EVAL", script, 0, *words)  # noqa: E731
    assert there("GET", keys.result(first.id)) == b'{"r":8}'
    assert 0 < there("PTTL", keys.result(first.id)) <= 9000
    assert there("GET", keys.result(second.id)) == b'~{"r":8}'
    assert there("TTL", keys.result(second.id)) == -1
    assert there("XLEN", keys.reply("me")) == 1
    assert there("TTL", keys.reply("me")) > 0
    assert look.command("EXISTS", keys.result(first.id), keys.reply("me")) == 0
    assert look.length() == 0
    await broker.publish(parcels(1))
    assert look.length() == 1


async def test_a_lifetime_the_server_can_not_count_costs_nobody_a_result(
    broker: RedisBroker, look: Looker
):
    await broker.publish(parcels(2))
    taken = await take(broker, 2)
    assert await broker.settle([done(one, ttl=1e18) for one in taken]) == [True, True]
    assert [look.command("TTL", look.keys.result(one.id)) for one in taken] == [-1, -1]


async def test_a_provisional_record_never_replaces_a_final_one(broker: RedisBroker, look: Looker):
    await broker.publish([parcel("same"), parcel("same"), parcel("same")])
    first, second, third = await take(broker, 3)
    await broker.settle([done(first, body=b"begun", final=False, ttl=9.0)])
    assert look.command("GET", look.keys.result("id-same")) == b"~begun"
    await broker.settle([done(second, body=b"ended", ttl=9.0)])
    await broker.settle([done(third, body=b"begun", final=False, ttl=9.0)])
    assert look.command("GET", look.keys.result("id-same")) == b"ended"


async def test_who_waits_late_is_told_and_a_large_value_is_not_repeated(
    broker: RedisBroker, look: Looker
):
    await broker.publish(parcels(3))
    first, second, third = await take(broker, 3)
    for one in (first, second):
        look.command("ZADD", look.keys.waiting, 9_999_999_999_999, one.id)
    await broker.settle([done(second, body=b"begun", final=False)])
    await broker.settle([done(first, body=b"8", reply_to="me"), done(third, body=b"x" * 2000)])
    assert look.entries(look.keys.late) == [
        {b"i": b"id-1", b"v": b"~begun"},
        {b"i": b"id-0", b"v": b"8"},
    ]
    assert look.entries(look.keys.reply("me")) == [{b"i": b"id-0", b"v": b"8"}]
    assert look.command("ZRANGE", look.keys.waiting, 0, -1) == [b"id-1"]


async def test_every_key_but_those_of_the_work_itself_has_an_end(broker: RedisBroker, look: Looker):
    await broker.publish([*parcels(3), parcel("x", delay=60.0)])
    first, second, third = await take(broker, 3)
    look.command("ZADD", look.keys.waiting, 9_999_999_999_999, first.id)
    await broker.settle([done(first, ttl=9.0, reply_to="me"), done(second, ttl=9.0)])
    await broker.settle([Settlement(delivery=third, verdict=Bury("bad"))])
    await broker.announce("worker", b"", ttl=5.0)
    endless = {key for key in look.command("KEYS", "*") if look.command("TTL", key) == -1}
    keys = look.keys
    assert endless == {
        *keys.lanes("q"),
        keys.delayed("q"),
        keys.delayed_messages("q"),
        keys.queues,
        keys.meta,
        keys.buried("q"),
    } - {lane for lane in keys.lanes("q") if not look.command("EXISTS", lane)}


async def test_due_times_are_the_servers(broker: RedisBroker, look: Looker):
    seconds, micros = look.command("TIME")
    now = int(seconds) + int(micros) / 1e6
    await broker.publish([parcel("in", delay=30.0), parcel("at", due=now + 60.0)])
    await broker.publish([parcel("past", due=now - 60.0), parcel("now", delay=0.0)])
    found = look.command("ZRANGE", look.keys.delayed("q"), 0, -1, "WITHSCORES")
    due = dict(zip(found[::2], map(float, found[1::2]), strict=True))
    assert due[b"id-in"] / 1000 == pytest.approx(now + 30.0, abs=2.0)
    assert due[b"id-at"] / 1000 == pytest.approx(now + 60.0, abs=0.01)
    assert {one.id for one in await take(broker, 2)} == {"id-past", "id-now"}


async def test_purge_throws_away_what_waits_and_not_what_runs(broker: RedisBroker, look: Looker):
    await broker.publish(parcels(1200) + parcels(600, priority=9) + [parcel("d", delay=9.0)])
    running = await take(broker, 100)
    assert await broker.depth("q") == 1801
    assert await broker.purge("q") == 1701
    assert await broker.depth("q") == 100
    assert all(await broker.settle([done(one) for one in running]))
    assert await broker.depth("q") == 0
    assert await broker.purge("never used") == 0


async def test_a_namespace_of_another_layout_is_refused(broker: RedisBroker, look: Looker):
    look.command("HSET", look.keys.meta, "schema", "99")
    with pytest.raises(BrokerRefused, match="has layout 99, this release reads 1"):
        await broker.receive(["q"], limit=1, wait=0)
    assert look.command("EXISTS", *look.keys.lanes("q")) == 0


async def test_a_delivery_of_another_broker_is_refused(broker: RedisBroker):
    with pytest.raises(TypeError, match="not a delivery of this broker"):
        await broker.settle([Settlement(delivery=Delivery(id="x", queue="q", body=b""))])


async def test_a_parcel_that_cannot_be_sent_harms_only_its_sender(
    broker: RedisBroker, look: Looker
):
    wrong = Parcel(id="x", queue="q", body=["not bytes"])  # type: ignore[arg-type]
    failed, fine = await asyncio.gather(
        broker.publish([wrong]), broker.publish([parcel()]), return_exceptions=True
    )
    assert isinstance(failed, TypeError)
    assert fine is None
    assert look.length() == 1


async def test_an_unreachable_server_is_said_in_time(connect: Connect):
    broker = connect("redis://user:geheim@127.0.0.1:1/0", publish_timeout=0.3)
    before = time.monotonic()
    for call in (
        broker.publish([parcel()]),
        broker.depth("q"),
        broker.receive(["q"], limit=1, wait=5.0),
    ):
        with pytest.raises(OperationalError) as raised:
            await call
        assert "user:********@127.0.0.1:1" in str(raised.value)
        assert "geheim" not in str(raised.value)
    assert time.monotonic() - before < 4.5


async def test_each_call_gives_up_after_the_time_it_was_given(connect: Connect, directory: Path):
    nowhere = f"unix://{directory}/nobody"
    patient, hasty = connect(nowhere), connect(nowhere, publish_timeout=0.1)
    waiting = asyncio.ensure_future(patient.queues())  # they share a connection, and no time
    await asyncio.sleep(0)
    for call in (
        hasty.publish([parcel()]),
        hasty.queues(),
        hasty.depth("q"),
        hasty.purge("q"),
        hasty.workers(),
        hasty.announce("w", b"", ttl=1.0),
    ):
        with pytest.raises(OperationalError, match=r"No such file or directory.*for 0\.1 s"):
            await call
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_a_wrong_password_is_said_at_once(own_server: ServerFactory, connect: Connect):
    private = own_server(config={"requirepass": "geheim"})
    broker = connect(f"unix://:falsch@{private.socket_path}")
    for call in (broker.publish([parcel()]), broker.receive(["q"], limit=1, wait=1.0)):
        with pytest.raises(BrokerRefused, match="refuses the user name or the password"):
            await call


async def test_cancelled_publishers_leave_the_others_alone(broker: RedisBroker, look: Looker):
    sending = [asyncio.ensure_future(broker.publish([one])) for one in parcels(500)]
    for number, one in enumerate(sending):
        if number % 3 == 0:
            one.cancel()
        if number % 100 == 0:
            await asyncio.sleep(0)
    results = await asyncio.gather(*sending, return_exceptions=True)
    sent = {f"id-{number}" for number, result in enumerate(results) if result is None}
    stored = {fields[b"i"].decode() for fields in look.entries(look.keys.lane("q", 0))}
    assert sent <= stored
    assert len(sent) >= 333


async def test_what_was_published_outlives_the_server(own_server: ServerFactory, connect: Connect):
    private = own_server(durable=True)
    broker = connect(private.url)
    await broker.publish(parcels(10))
    private.kill()
    waiting = asyncio.ensure_future(broker.publish([parcel("late")]))
    await asyncio.sleep(0)
    private.start()
    await waiting
    assert len(await take(broker, 11)) == 11


async def test_a_closed_broker_says_so(broker: RedisBroker):
    await broker.publish([parcel()])
    await broker.aclose()
    await broker.aclose()
    for call in (
        broker.publish([parcel()]),
        broker.depth("q"),
        broker.receive(["q"], limit=1, wait=0),
    ):
        with pytest.raises(OperationalError, match="closed"):
            await call


async def test_a_worker_that_was_silent_for_an_hour_is_forgotten(broker: RedisBroker, look: Looker):
    await broker.announce("short", b"a", ttl=0.05)
    await broker.announce("long", b"b", ttl=60.0)
    await until(lambda: _lives(broker, {"long": b"b"}))
    await broker.announce("long", b"c", ttl=60.0)
    assert look.command("ZRANGE", look.keys.workers, 0, -1) == [b"short", b"long"]
    hour_ago = int(look.command("ZSCORE", look.keys.workers, "short")) - 3_600_000
    look.command("ZADD", look.keys.workers, hour_ago, "short")
    assert list(await broker.sightings()) == ["long"]
    await broker.announce("long", b"d", ttl=60.0)
    assert look.command("ZRANGE", look.keys.workers, 0, -1) == [b"long"]
    [name, kept] = look.command("HGETALL", look.keys.worker_infos)
    assert (name, kept.partition(b" ")[2]) == (b"long", b"d")


async def _lives(broker: RedisBroker, expected: dict[str, bytes]) -> bool:
    return await broker.workers() == expected
