"""Every key in Redis, once.

All keys of one namespace carry it as a cluster tag, `aq:{namespace}:…`, so that they live on one
shard and a script may touch any of them together.
"""

from __future__ import annotations

import re
from typing import Final

from asynq.exceptions import ImproperlyConfigured

LEVELS: Final = (9, 6, 3, 0)
"""The priorities that have a lane of their own, the most urgent first."""

GROUP: Final = b"w"
"""The consumer group of every work stream."""

PROVISIONAL: Final = b"~"
"""The first byte of a stored record that is not final; it stands before the record itself."""

LONGEST_TTL: Final = 100 * 365 * 86400.0
"""Seconds; the server refuses a time it can't count in milliseconds. What is kept longer is kept
for ever."""

_NAMESPACE: Final = re.compile(r"[^{}\s\x00-\x1f\x7f]{1,200}")


def level_of(priority: int) -> int:
    """The lane's level for a priority: the next one at or below it."""
    return next((level for level in LEVELS if priority >= level), LEVELS[-1])


def ttl_word(seconds: float | None) -> int:
    """How long to keep a record, as the scripts want it: in milliseconds, 0 for ever."""
    if seconds is None or not seconds < LONGEST_TTL:
        return 0
    return max(1, round(seconds * 1000))


class Keys:
    """The keys of one namespace.

    Raises:
        ImproperlyConfigured: the namespace can't be part of a key.
    """

    __slots__ = (
        "_lanes",
        "events",
        "late",
        "meta",
        "prefix",
        "queues",
        "result_prefix",
        "revoked",
        "rules",
        "schedule_lease",
        "schedule_version",
        "schedules",
        "terminated",
        "waiting",
        "worker_infos",
        "workers",
        "workflows",
    )

    def __init__(self, namespace: str) -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise ImproperlyConfigured(
                f"namespace {namespace!r}: expected 1 to 200 characters without blanks, braces or "
                "control characters"
            )
        prefix = b"aq:{%b}:" % namespace.encode()
        self.prefix = prefix
        """What every key begins with."""
        self._lanes: dict[str, tuple[bytes, ...]] = {}
        self.meta = prefix + b"meta"
        """HASH: the version of this layout."""
        self.queues = prefix + b"queues"
        """SET: the names of the queues ever used."""
        self.workers = prefix + b"wk"
        """ZSET: worker to the time (ms) until which it is taken to live."""
        self.worker_infos = prefix + b"wki"
        """HASH: worker to what it says of itself."""
        self.waiting = prefix + b"waiting"
        """ZSET: task id to the time (ms) until which somebody waits who did not send it."""
        self.late = prefix + b"late"
        """STREAM: completions for those in `waiting`."""
        self.result_prefix = prefix + b"res:"
        self.revoked = prefix + b"rev"
        """ZSET: id of a task that shall not run to the time (ms) until which that is remembered."""
        self.terminated = prefix + b"revt"
        """ZSET: those of them that shall be ended where they run."""
        self.rules = prefix + b"rules"
        """HASH: what is paused and limited, see `asynq.wire.rules`."""
        self.events = prefix + b"ev"
        """STREAM: batches of events (`b`), each with the bytes of all up to it (`t`)."""
        self.workflows = prefix + b"wfs"
        """ZSET: id of a workflow to the time (ms) when it was launched."""
        self.schedules = prefix + b"sch"
        """ZSET: name of a periodic task's entry to the time (ms) when it was first seen."""
        self.schedule_version = prefix + b"schv"
        """STRING: differs when any of these entries was changed."""
        self.schedule_lease = prefix + b"schl"
        """STRING: token of the beat that fires first."""

    def lanes(self, queue: str) -> tuple[bytes, ...]:
        """STREAMs of a queue in the order they are read: handed back first, then by level."""
        found = self._lanes.get(queue)
        if found is None:
            base = b"%bq:%b:" % (self.prefix, queue.encode())
            found = (base + b"r", *(b"%b%d" % (base, level) for level in LEVELS))
            self._lanes[queue] = found
        return found

    def lane(self, queue: str, priority: int) -> bytes:
        """STREAM: messages of that priority."""
        return self.lanes(queue)[1 + LEVELS.index(level_of(priority))]

    def returned(self, queue: str) -> bytes:
        """STREAM: what was handed back."""
        return self.lanes(queue)[0]

    def delayed(self, queue: str) -> bytes:
        """ZSET: id to due time (ms)."""
        return b"%bz:%b" % (self.prefix, queue.encode())

    def delayed_messages(self, queue: str) -> bytes:
        """HASH: id to ``level|redeliveries|message``."""
        return b"%bzm:%b" % (self.prefix, queue.encode())

    def workflow(self, id: str) -> bytes:
        """HASH: a workflow, see `asynq/brokers/redis/flow.lua`."""
        return b"%bwf:%b" % (self.prefix, id.encode())

    def schedule(self, name: str) -> bytes:
        """HASH: a periodic task's entry, see `asynq/brokers/redis/schedule.lua`."""
        return b"%b:%b" % (self.schedules, name.encode())

    def buried(self, queue: str) -> bytes:
        """STREAM: what can never run, with its level, `why` and `when`."""
        return b"%bdlq:%b" % (self.prefix, queue.encode())

    def marks(self, client: str) -> bytes:
        """STRINGs, `:` and a place behind it: the last batches that a client sent, so that one sent
        again is known."""
        return b"%bdd:%b" % (self.prefix, client.encode())

    def result(self, id: str) -> bytes:
        """STRING: a task's record."""
        return self.result_prefix + id.encode()

    def reply(self, client: str) -> bytes:
        """STREAM: completions of what that client sent and waits for."""
        return b"%breply:%b" % (self.prefix, client.encode())

    def said(self, channel: str) -> bytes:
        """STREAM: what was said to everybody who listens there, for an hour."""
        return b"%bfan:%b" % (self.prefix, channel.encode())
