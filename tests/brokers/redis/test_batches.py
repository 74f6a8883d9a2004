from __future__ import annotations

import logging

import pytest

from asynq.brokers.base import Requeue, Settlement, StoredRecord
from asynq.brokers.redis.broker import RedisBroker
from tests.brokers.redis.conftest import Connect, Looker, parcels, take


@pytest.mark.parametrize(("timeout", "least"), [(1.0, 59.0), (300.0, 600.0)])
async def test_a_batch_is_known_for_as_long_as_it_may_be_sent_again(
    connect: Connect, look: Looker, timeout: float, least: float
):
    broker = connect(publish_timeout=timeout)
    await broker.publish(parcels(1))
    (marks,) = look.command("KEYS", "*:dd:*")
    assert look.command("PTTL", marks) > least * 1000
    await broker.settle([Settlement(delivery=one) for one in await take(broker, 1)])
    assert look.command("KEYS", "*:dd:*") == [marks]
    assert look.command("PTTL", marks) > least * 1000


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
