from __future__ import annotations

import asyncio
import logging

import pytest

from asynq.brokers.base import Requeue, Settlement, StoredRecord
from asynq.brokers.redis.broker import RedisBroker
from asynq.exceptions import OperationalError
from tests.brokers.redis.conftest import Connect, Looker, parcel, parcels, take
from tests.proxy import Proxy
from tests.servers import ServerFactory


@pytest.mark.parametrize(("timeout", "least"), [(1.0, 59.0), (300.0, 600.0)])
async def test_a_batch_is_known_for_as_long_as_it_may_be_sent_again(
    connect: Connect, look: Looker, timeout: float, least: float
):
    broker = connect(publish_timeout=timeout)
    await broker.publish(parcels(1))
    (marks,) = look.command("KEYS", "*:dd:*")
    assert look.command("PTTL", marks) > least * 1000
    await broker.settle([Settlement(delivery=one) for one in await take(broker, 1)])
    (endings,) = set(look.command("KEYS", "*:dd:*")) - {marks}
    assert look.command("PTTL", endings) > 3600 * 1000
    assert least * 1000 < look.command("PTTL", marks) < 3600 * 1000


async def unanswered(broker: RedisBroker, proxy: Proxy, settlements: list[Settlement]) -> None:
    """Settle, and hear nothing of it for longer than the broker tries."""
    proxy.swallow(b"EVALSHA", cut=False)
    with pytest.raises(OperationalError, match=r"can't settle|can't reach"):
        await broker.settle(settlements)
    assert proxy.swallowed == 1
    proxy.heal()


async def test_a_settlement_that_was_not_answered_in_time_is_the_same_when_it_is_repeated(
    connect: Connect, proxy: Proxy, look: Looker
):
    broker = connect(proxy.url, publish_timeout=0.3)
    await broker.publish(parcels(3))
    first, second, third = await take(broker, 3)
    follow = Settlement(delivery=first, publish=(parcel("next", queue="another"),))
    ending = [follow, Settlement(delivery=second)]
    look.command("XACK", second.lane, "w", second.entry)
    await unanswered(broker, proxy, ending)
    assert await broker.settle([Settlement(delivery=third)]) == [True]
    assert await broker.settle(ending) == [True, False]
    assert look.length("another") == 1
    assert await broker.settle(ending) == [False, False]


async def test_hundreds_of_other_calls_do_not_make_the_server_forget_it(
    connect: Connect, proxy: Proxy, look: Looker
):
    broker = connect(proxy.url, publish_timeout=0.5)
    await broker.publish(parcels(1))
    ending = [Settlement(delivery=one) for one in await take(broker, 1)]
    await unanswered(broker, proxy, ending)
    for number in range(260):
        await broker.publish([parcel(number)])
    assert await broker.settle(ending) == [True]


async def test_what_may_be_settled_already_is_not_called_lost(
    connect: Connect, proxy: Proxy, look: Looker
):
    broker = connect(proxy.url, publish_timeout=0.3)
    await broker.publish(parcels(1))
    ending = [Settlement(delivery=one) for one in await take(broker, 1)]
    await unanswered(broker, proxy, ending)
    keeper = broker.lease_keeper()
    assert list(await asyncio.to_thread(keeper.renew)) == []
    assert await broker.settle(ending) == [True]
    assert list(await asyncio.to_thread(keeper.renew)) == []
    keeper.close()


async def test_what_was_refused_can_be_settled_when_it_no_longer_is(
    own_server: ServerFactory, connect: Connect
):
    private = own_server()
    broker = connect(private.url)
    await broker.publish(parcels(1))
    (delivery,) = await take(broker, 1)
    ending = [Settlement(delivery=delivery)]
    private.command("ACL", "SETUSER", "default", "-xack")
    with pytest.raises(OperationalError, match="can't settle"):
        await broker.settle(ending)
    private.command("ACL", "SETUSER", "default", "+xack")
    assert await broker.settle(ending) == [True]


async def test_a_result_that_can_not_be_written_costs_no_other(
    broker: RedisBroker, look: Looker, caplog: pytest.LogCaptureFixture
):
    await broker.publish(parcels(3))
    first, second, third = await take(broker, 3)
    look.command("HSET", look.keys.result(first.id), "somebody's", "own")
    look.command("SET", look.keys.reply("taken"), "somebody's")
    taken = [
        Settlement(
            delivery=first,
            verdict=Requeue(delay=60.0),
            record=StoredRecord(id=first.id, body=b"begun", final=False),
        ),
        Settlement(
            delivery=second,
            record=StoredRecord(id=second.id, body=b"8", ttl=9.0, reply_to="taken"),
        ),
        Settlement(
            delivery=third, record=StoredRecord(id=third.id, body=b"9", ttl=9.0, reply_to="mine")
        ),
    ]
    with caplog.at_level(logging.ERROR, logger="asynq.broker"):
        assert await broker.settle(taken) == [True, True, True]
    assert look.command("GET", look.keys.result(third.id)) == b"9"
    assert look.command("XLEN", look.keys.reply("mine")) == 1
    assert (look.length(), look.command("ZCARD", look.keys.delayed("q"))) == (0, 1)
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("2 results could not be stored at ")
    assert "WRONGTYPE" in told


async def test_a_result_that_can_not_be_written_changes_no_answer(
    broker: RedisBroker, look: Looker
):
    await broker.publish(parcels(2))
    first, second = await take(broker, 2)
    look.command("XACK", first.lane, "w", first.entry)
    look.command("HSET", look.keys.result(second.id), "somebody's", "own")
    record = StoredRecord(id=second.id, body=b"begun", final=False)
    ending = [Settlement(delivery=first), Settlement(delivery=second, record=record)]
    assert await broker.settle(ending) == [False, True]
