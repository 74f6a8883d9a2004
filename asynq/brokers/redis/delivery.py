"""A delivery as it comes from a stream, and all those a broker has handed out."""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec.structs import replace

from asynq._redis.keys import LEVELS, Keys
from asynq.brokers.base import Delivery, Waiting

Place: TypeAlias = tuple[str, int]
"""The queue and the level of a lane; the return lane has the level -1."""


class RedisDelivery(Delivery, frozen=True, kw_only=True, eq=False):
    """A delivery with its receipt: the stream entry, which is the lease and the fence in one."""

    lane: bytes
    entry: bytes

    @property
    def since(self) -> float:
        """See `Delivery.since`: entries are named after the server's time."""
        return int(self.entry.partition(b"-")[0]) / 1000


class Held:
    """What this broker owes a settlement. Read by the leases' thread, so copied before a walk."""

    def __init__(self) -> None:
        self.consumer = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4()}".encode()
        """Our name, never used before or after: what is pending under it can only be ours."""
        self.deliveries: set[RedisDelivery] = set()
        self.ending: set[Delivery] = set()
        """Of those, the ones whose settlement is on its way, or was not answered."""

    def settling(self, deliveries: Sequence[Delivery], sent: asyncio.Future[Any]) -> None:
        """Their settlement is on its way; when it is answered, they are no longer held.

        One that is not answered in time may be carried out all the same. Only when it is repeated
        does the server tell, so nobody calls these lost because they are gone.
        """
        self.ending.update(deliveries)
        sent.add_done_callback(functools.partial(self._settled, deliveries))

    def _settled(self, deliveries: Sequence[Delivery], sent: asyncio.Future[Any]) -> None:
        if not sent.cancelled() and sent.exception() is None:
            self.deliveries.difference_update(deliveries)
            self.ending.difference_update(deliveries)

    def entries(self, lane: bytes) -> set[bytes]:
        """The entries of a lane that we know to be ours."""
        return {held.entry for held in self.deliveries.copy() if held.lane == lane}

    def by_lane(self) -> Mapping[bytes, dict[bytes, RedisDelivery]]:
        """Everything we hold: lane to entry to delivery."""
        found: dict[bytes, dict[bytes, RedisDelivery]] = {}
        for held in self.deliveries.copy():
            found.setdefault(held.lane, {})[held.entry] = held
        return found


def tagged(deliveries: Sequence[RedisDelivery], revoked: Collection[str]) -> list[RedisDelivery]:
    """The deliveries, those of these ids as revoked."""
    return [replace(one, revoked=True) if one.id in revoked else one for one in deliveries]


class Lanes:
    """The lanes of some queues, and whose they are."""

    def __init__(self, keys: Keys, queues: Sequence[str]) -> None:
        self.places: dict[bytes, Place] = {}
        for queue in queues:
            for lane, level in zip(keys.lanes(queue), (-1, *LEVELS), strict=True):
                self.places[lane] = (queue, level)
        self._rotations = [
            tuple(_by_urgency(keys, [*queues[turn:], *queues[:turn]]))
            for turn in range(len(queues))
        ]
        self._turn = 0

    def next(self) -> Sequence[bytes]:
        """All lanes by urgency; each time another queue comes first among equals."""
        self._turn = (self._turn + 1) % len(self._rotations)
        return self._rotations[self._turn]

    def deliveries(
        self, lane: bytes, entries: Iterable[tuple[bytes, Sequence[bytes]]]
    ) -> list[RedisDelivery]:
        """What XREADGROUP said of one lane."""
        queue, level = self.places[lane]
        found = []
        for entry, fields in entries:
            if level >= 0 and len(fields) == 4 and fields[0] == b"i" and fields[2] == b"m":
                delivery = RedisDelivery(
                    id=fields[1].decode(errors="backslashreplace"),
                    queue=queue,
                    body=fields[3],
                    priority=level,
                    lane=lane,
                    entry=entry,
                )
            else:
                delivery = _unusual(queue, level, lane, entry, fields)
            found.append(delivery)
        return found


def waiting(queue: str, id: bytes, due: bytes, kept: bytes) -> Waiting:
    """A message that waits for its time, by what the server keeps of it."""
    level, redeliveries, body = kept.split(b"|", 2)
    return Waiting(
        id=id.decode(errors="backslashreplace"),
        queue=queue,
        body=body,
        due=int(due) / 1000,
        priority=number_in(level),
        redeliveries=number_in(redeliveries),
    )


def level_word(level: int) -> str:
    """The level of a lane as the scripts want it: empty for the return lane."""
    return "" if level < 0 else str(level)


def entry_order(entry: bytes) -> tuple[int, int]:
    """What to sort entry ids by."""
    time, _, number = entry.partition(b"-")
    return int(time), int(number)


def _unusual(
    queue: str, level: int, lane: bytes, entry: bytes, fields: Sequence[bytes]
) -> RedisDelivery:
    """An entry that was redelivered or handed back; or one that somebody else wrote."""
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    return RedisDelivery(
        id=named.get(b"i", entry).decode(errors="backslashreplace"),
        queue=queue,
        body=named.get(b"m", b""),
        priority=number_in(named.get(b"p")) if level < 0 else level,
        redeliveries=number_in(named.get(b"d")),
        spent=b"s" in named,
        lane=lane,
        entry=entry,
    )


def number_in(text: bytes | None, *, digits: int = 9) -> int:
    """A number that an entry carries; 0 where it carries none."""
    return int(text) if text and text.isdigit() and len(text) <= digits else 0


def _by_urgency(keys: Keys, queues: Sequence[str]) -> Iterable[bytes]:
    for lanes in zip(*(keys.lanes(queue) for queue in queues), strict=True):
        yield from lanes
