from __future__ import annotations

import pytest

from asynq._redis.keys import Keys
from asynq.brokers.base import Delivery, Settlement, StoredRecord
from asynq.brokers.redis.delivery import RedisDelivery
from asynq.brokers.redis.sending import (
    Marks,
    Records,
    due_word,
    settle_call,
)

KEYS = Keys("n")
DELIVERY = RedisDelivery(id="a", queue="q", body=b"{}", lane=KEYS.lane("q", 0), entry=b"1-0")


@pytest.mark.parametrize(
    ("delay", "due", "word"),
    [
        (0.0, None, ""),
        (-1.0, None, ""),
        (1.5, None, "+1500"),
        (0.0001, None, "+1"),
        (5.0, 2.0, "2000"),
        (0.0, -3.0, "1"),
        (1e9, None, "+1000000000000"),
    ],
)
def test_a_due_time_is_told_relative_or_absolute(delay: float, due: float | None, word: str):
    assert due_word(delay, due) == word


def test_a_plain_settlement_costs_few_words():
    records = Records(KEYS, 0)
    record = StoredRecord(id="a", body=b"8", ttl=1.0, reply_to="me")
    keys, words = settle_call(
        KEYS,
        records,
        0,
        Marks(b"marks", 10.0),
        [Settlement(delivery=DELIVERY, record=record)],
        b"me",
    )
    assert keys[4:] == [KEYS.lane("q", 0), KEYS.reply("me"), KEYS.result("a")]
    assert words[7:] == [5, b"1-0", "a", 7, b"8", 1000, 6, 0]


def test_a_delivery_of_another_broker_is_refused():
    stranger = Settlement(delivery=Delivery(id="a", queue="q", body=b""))
    with pytest.raises(TypeError, match="not a delivery of this broker"):
        settle_call(KEYS, Records(KEYS, 0), 0, Marks(b"marks", 10.0), [stranger], b"me")
