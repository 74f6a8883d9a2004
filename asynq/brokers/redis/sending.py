"""Settlements, and what comes with them, as the arguments of their script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from asynq._redis.keys import GROUP, PROVISIONAL, Keys, level_of, ttl_word
from asynq._redis.pipeline import Word
from asynq.brokers.base import (
    Ack,
    Advance,
    Bury,
    Parcel,
    Requeue,
    Settlement,
    Spend,
    StoredRecord,
)
from asynq.brokers.redis.delivery import RedisDelivery
from asynq.brokers.redis.packing import due_word, packed

SETTLEMENTS = 200
"""Deliveries in one call of SETTLE."""
PLACES: Final = 128
"""Marks of one client, each a small key of its own; more than it has batches on the wire."""


class Marks:
    """What makes a batch that is sent again known to the server.

    Args:
        key: What begins the keys of this client's marks.
        timeout: Seconds in which a batch is sent again. The server may act on the last of these
            much later than it was written.
    """

    def __init__(self, key: bytes, timeout: float) -> None:
        self._key = key
        self._milliseconds = 60_000
        self._number = 0
        self.last_for(timeout)

    def last_for(self, timeout: float) -> None:
        """From now on, remember batches for as long as that many seconds of tries ask for."""
        self._milliseconds = max(self._milliseconds, round((2 * timeout + 30.0) * 1000))

    def next(self) -> tuple[bytes, int, int]:
        """Of the next batch: the key of its mark, its number, and the milliseconds in which it may
        be sent again."""
        self._number = number = self._number + 1
        return b"%b:%d" % (self._key, number % PLACES), number, self._milliseconds


class Records:
    """Where results are kept: in which namespace, and in which database of this server."""

    def __init__(self, keys: Keys, database: int) -> None:
        self.keys = keys
        self.database = database


class Indexed:
    """Keys of a script call, each named once and referred to by its place."""

    def __init__(self, *first: bytes) -> None:
        self.keys: list[Word] = [*first]
        self._places: dict[bytes, int] = {}

    def place(self, key: bytes) -> int:
        """Where it stands among the keys, from 1 on, as scripts count."""
        place = self._places.get(key)
        if place is None:
            self.keys.append(key)
            place = self._places[key] = len(self.keys)
        return place

    def own(self, key: bytes) -> int:
        """For a key that comes once anyway."""
        self.keys.append(key)
        return len(self.keys)

    def delayed(self, keys: Keys, queue: str) -> int:
        """The place of the queue's zset; its hash is in the next."""
        zset = keys.delayed(queue)
        if (place := self._places.get(zset)) is None:
            place = self.place(zset)
            self.own(keys.delayed_messages(queue))
        return place


def settle_call(
    keys: Keys,
    records: Records,
    database: int,
    marks: Marks,
    settlements: Sequence[Settlement],
    consumer: bytes,
) -> tuple[list[Word], list[Word]]:
    """Keys and arguments of SETTLE.

    Raises:
        TypeError: a delivery is another broker's.
    """
    mark, *number = marks.next()
    indexed = Indexed(mark, keys.queues, records.keys.waiting, records.keys.late)
    words: list[Word] = []
    queues: dict[str, None] = {}
    for settlement in settlements:
        delivery = settlement.delivery
        if not isinstance(delivery, RedisDelivery):
            raise TypeError(f"not a delivery of this broker: {delivery!r}")
        words += (indexed.place(delivery.lane), delivery.entry)
        words += _verdict(keys, indexed, settlement, delivery, consumer)
        record = settlement.record
        words += _NO_RECORD if record is None else _record(records, indexed, record)
        if settlement.advance or settlement.others:
            words += _flow(keys, records, indexed, settlement)
        words.append(len(settlement.publish))
        for parcel in settlement.publish:
            queues[parcel.queue] = None
            words += _published(keys, indexed, parcel)
    elsewhere = "" if records.database == database else records.database
    prefix = len(records.keys.result_prefix)
    head: list[Word] = [GROUP, *number, elsewhere, database, prefix]
    head += (len(queues), *queues)
    return indexed.keys, head + words


_NO_RECORD: tuple[Word, ...] = ("0",)


def _verdict(
    keys: Keys,
    indexed: Indexed,
    settlement: Settlement,
    delivery: RedisDelivery,
    consumer: bytes,
) -> tuple[Word, ...]:
    match settlement.verdict:
        case Ack():
            return ("a",)
        case Spend():
            return ("s", consumer)
        case Bury(reason, body):
            returned = delivery.lane == keys.returned(delivery.queue)
            level = "" if returned else level_of(delivery.priority)
            return ("b", indexed.place(keys.buried(delivery.queue)), reason, level, body or "")
        case Requeue() as back:
            body = delivery.body if back.body is None else back.body
            redeliveries = back.crashed + (0 if back.reset else delivery.redeliveries)
            what = (delivery.id, body, level_of(delivery.priority), redeliveries)
            if delivery.spent:  # it will not run, so nobody waits with it for its time
                return ("rs", indexed.place(keys.returned(delivery.queue)), *what)
            if due := due_word(back.delay, back.due):
                return ("d", indexed.delayed(keys, delivery.queue), *what, due)
            return ("r", indexed.place(keys.returned(delivery.queue)), *what)


def _record(records: Records, indexed: Indexed, record: StoredRecord) -> tuple[Word, ...]:
    reply = 0 if record.reply_to is None else indexed.place(records.keys.reply(record.reply_to))
    body = record.body if record.final else PROVISIONAL + record.body
    return indexed.own(records.keys.result(record.id)), body, ttl_word(record.ttl), reply


def _published(keys: Keys, indexed: Indexed, parcel: Parcel) -> tuple[Word, ...]:
    lane = indexed.place(keys.lane(parcel.queue, parcel.priority))
    due = due_word(parcel.delay, parcel.due)
    zset: Word = indexed.delayed(keys, parcel.queue) if due else "0"
    return lane, parcel.id, parcel.body, level_of(parcel.priority), zset, due


def _flow(keys: Keys, records: Records, indexed: Indexed, settlement: Settlement) -> list[Word]:
    words: list[Word] = ["f", len(settlement.advance)]
    for advance in settlement.advance:
        words += (indexed.place(keys.workflow(advance.workflow)), advance.input)
        words += _advance(advance)
    words.append(len(settlement.others))
    for record in settlement.others:
        words += _record(records, indexed, record)
    return words


def _advance(advance: Advance) -> list[Word]:
    steps = [number for span in advance.start for number in span]
    mark, parcel = advance.once or ("", None)
    grown: list[Word] = [0]
    if advance.grow is not None:
        number, places = advance.grow
        text = "".join(f"{place}:{id} " for place, id in places)
        grown = [number, len(places), text]
    return [
        len(steps),
        *steps,
        *grown,
        *(advance.join or (0, 0)),
        mark,
        "" if parcel is None else packed(parcel),
        advance.over,
    ]
