from __future__ import annotations

import pytest

from asynq._redis.keys import Keys
from asynq.brokers.base import Bury, Requeue, Settlement
from asynq.brokers.redis.broker import RedisBroker
from asynq.exceptions import OperationalError
from tests.brokers.redis.conftest import Connect, Looker, parcel, parcels, take
from tests.proxy import Proxy
from tests.servers import ServerFactory


async def bury(broker: RedisBroker, count: int, reason: str = "why") -> None:
    taken = await take(broker, count)
    endings = [Settlement(delivery=one, verdict=Bury(reason)) for one in taken]
    assert await broker.settle(endings) == [True] * count


@pytest.mark.parametrize("priority", [0, 3, 6, 9])
async def test_a_priority_outlasts_the_grave_by_either_way(broker: RedisBroker, priority: int):
    await broker.publish([parcel("a", priority=priority), parcel("b", priority=priority)])
    first, second = await take(broker, 2)
    await broker.settle([Settlement(delivery=second, verdict=Requeue())])
    again = await take(broker, 1)
    await broker.settle([Settlement(delivery=one, verdict=Bury("why")) for one in (first, *again)])
    letters = await broker.buried("q")
    assert [(one.id, one.priority) for one in letters] == [("id-a", priority), ("id-b", priority)]
    assert await broker.exhume("q", {one.receipt: None for one in letters}) == 2
    assert [one.priority for one in await take(broker, 2)] == [priority, priority]


async def test_what_somebody_else_wrote_can_be_buried_and_put_back(
    broker: RedisBroker, look: Looker
):
    lane = look.keys.lane("q", 0)
    look.command("XADD", lane, "*", "x", b"\xff\xfe")
    look.command("XADD", lane, "*", "i", b"\xff", "m", b"\x00", "p", "99", "d", "-3")
    await bury(broker, 2, reason="not a message")
    letters = await broker.buried("q")
    assert {one.reason for one in letters} == {"not a message"}
    assert [(one.priority, one.redeliveries) for one in letters] == [(0, 0)] * 2
    assert letters[1].id == "\\xff"
    assert await broker.exhume("q", {one.receipt: None for one in letters}) == 2
    assert [one.body for one in await take(broker, 2)] == [b"", b"\x00"]


async def test_a_full_server_lets_the_dead_out(
    own_server: ServerFactory, connect: Connect, namespace: str
):
    private = own_server()
    broker = connect(private.url)
    await broker.publish(parcels(30))
    await bury(broker, 30)
    private.command("CONFIG", "SET", "maxmemory", "1")
    letters = await broker.buried("q")
    assert await broker.exhume("q", {one.receipt: None for one in letters[:10]}) == 10
    assert await broker.discard("q") == 20
    assert Looker(private, Keys(namespace)).length() == 10


async def test_a_lane_that_can_not_be_written_loses_nothing(broker: RedisBroker, look: Looker):
    await broker.publish(parcels(3))
    await bury(broker, 3)
    look.command("DEL", look.keys.lane("q", 0))
    look.command("SET", look.keys.lane("q", 0), "somebody's")
    letters = await broker.buried("q")
    with pytest.raises(OperationalError):
        await broker.exhume("q", {one.receipt: b"new" for one in letters})
    assert await broker.buried("q") == letters


async def test_the_dead_are_kept_up_to_a_number(broker: RedisBroker, look: Looker):
    stream = look.keys.buried("q")
    script = "for n = 1, 10000 do redis.call('XADD', KEYS[1], '*', 'i', n, 'why', 'x') end"
    look.command("EVAL", script, 1, stream)
    await broker.publish(parcels(200))
    await bury(broker, 200)
    assert 10_000 <= look.command("XLEN", stream) <= 10_100
    assert (await broker.buried("q"))[0].id != "1"


async def test_when_it_was_buried_is_the_servers_time(broker: RedisBroker, look: Looker):
    await broker.publish(parcels(1))
    await bury(broker, 1)
    (letter,) = await broker.buried("q")
    seconds, _ = look.command("TIME")
    assert letter.at == pytest.approx(int(seconds), abs=3)


async def test_a_lost_answer_changes_no_count(connect: Connect, proxy: Proxy, look: Looker):
    broker = connect(proxy.url)
    await broker.publish(parcels(6))
    await bury(broker, 6)
    letters = [one.receipt for one in await broker.buried("q")]
    proxy.swallow(b"EVALSHA")
    assert await broker.exhume("q", dict.fromkeys(letters[:3])) == 3
    proxy.swallow(b"EVALSHA")
    assert await broker.discard("q", letters[3:5]) == 2
    proxy.swallow(b"EVALSHA")
    assert await broker.discard("q") == 1
    assert proxy.swallowed == 3
    assert look.length() == 3
