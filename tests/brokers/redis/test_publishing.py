from __future__ import annotations

from asynq._redis.keys import Keys
from asynq.brokers.redis.broker import RedisBroker
from asynq.brokers.redis.publishing import PARCELS, enqueue_call
from asynq.brokers.redis.sending import Marks
from tests.brokers.redis.conftest import Looker, parcel, parcels

KEYS = Keys("n")


def test_each_key_is_named_once_and_each_lane():
    keys, words = enqueue_call(KEYS, Marks(b"marks", 10.0), parcels(5))
    assert keys == [b"marks:1", KEYS.queues, KEYS.lane("q", 0)]
    assert words[:7] == [1, 60_000, 1, "q", 1, 3, 5]
    assert words[7:] == [word for number in range(5) for word in (f"id-{number}", b"{}")]


def test_what_is_delayed_names_no_lane_that_gets_nothing_at_once():
    keys, words = enqueue_call(KEYS, Marks(b"marks", 10.0), [parcel("a", delay=1.5, priority=9)])
    assert keys[2:] == [KEYS.delayed("q"), KEYS.delayed_messages("q"), KEYS.lane("q", 9)]
    assert words[3:] == ["q", 0, 3, 5, 9, "+1500", "id-a", b"{}"]


async def test_all_kinds_of_messages_of_one_call_arrive_in_their_order(
    broker: RedisBroker, look: Looker
):
    sent = [
        parcel(number, priority=number % 2 * 9, delay=number % 3 // 2 * 60.0)
        for number in range(12)
    ]
    await broker.publish([*sent, parcel("other", queue="other")])
    for priority in (0, 9):
        entries = look.entries(look.keys.lane("q", priority))
        expected = [one.id for one in sent if one.priority == priority and not one.delay]
        assert [entry[b"i"].decode() for entry in entries] == expected
    assert look.command("ZCARD", look.keys.delayed("q")) == 4
    assert look.length("other") == 1
    assert set(look.command("SMEMBERS", look.keys.queues)) == {b"q", b"other"}


async def test_more_than_a_batch_is_several(broker: RedisBroker, look: Looker):
    await broker.publish(parcels(2 * PARCELS + 1))
    assert look.length() == 2 * PARCELS + 1
