"""What travels: batches of what has happened, and Celery's events made of them.

A worker that runs 20,000 tasks a second has 60,000 events to tell. Written one by one they would
cost more than the tasks. So what is known of a task when a batch is written is one `Life` in it,
mostly all three events of a short task; times are microseconds from the batch's base, names and
queues stand once for all tasks that share them, and arguments stay as they came in the message.
Whoever reads makes events of it.
"""

from __future__ import annotations

import math
import time as clocks
from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from asynq._time import from_timestamp
from asynq.exceptions import DecodeError
from asynq.wire.serialization import CODECS

Event = dict[str, Any]
"""One event, as Celery has it: a `type`, and fields by their names."""

VERSION: Final = 1

SHOWN: Final = 200
"""Bytes of arguments, a result or an error that an event shows."""
TRACEBACK: Final = 2000
"""Characters of a traceback that an event has, the last."""

SUCCEEDED, FAILED, RETRIED, REVOKED, REJECTED, IGNORED = range(6)
"""How a run ends, as `Life.kind`."""
ENDS: Final = (
    "task-succeeded", "task-failed", "task-retried", "task-revoked", "task-rejected", "task-ignored"
)  # fmt: skip
"""The events of those. (`task-ignored` is our own: Celery leaves such a task without an end.)"""
SENT, RECEIVED, STARTED = "task-sent", "task-received", "task-started"
TYPES: Final = frozenset({
    SENT, RECEIVED, STARTED, *ENDS, "worker-online", "worker-heartbeat", "worker-offline",
})  # fmt: skip
"""Every type that asynq itself tells."""

_LETTERS: Final = {
    "id": "i", "retries": "n", "sent": "w", "received": "r", "started": "s", "ended": "e",
    "kind": "k", "args": "a", "kwargs": "b", "text": "v", "traceback": "x", "ran": "d",
    "root_id": "g", "parent_id": "p", "more": "m",
}  # fmt: skip
_BATCH_LETTERS: Final = {
    "hostname": "h", "pid": "p", "source": "s", "number": "n", "base": "t", "utcoffset": "u",
    "lost": "l", "tasks": "a", "others": "o", "version": "v",
}  # fmt: skip


class Life(Struct, omit_defaults=True, rename=_LETTERS):
    """What is told of one run of a task. Times are in microseconds from the batch's base."""

    id: str
    retries: int = 0
    sent: int | None = None
    received: int | None = None
    started: int | None = None
    ended: int | None = None
    kind: int = SUCCEEDED
    """How it has ended, where it has."""
    args: Any = None
    """The positional arguments: bytes, which are JSON as it came, or a text, which is already what
    they look like."""
    kwargs: Any = None
    text: str | None = None
    """What the result or the error looks like; of a result None stands for None."""
    traceback: str | None = None
    ran: int | None = None
    """How long it ran, where its start was told in an earlier batch."""
    root_id: str | None = None
    parent_id: str | None = None
    more: dict[str, Any] | None = None
    """Other fields, of the event it ends with, or else begins with."""


class Batch(Struct, omit_defaults=True, rename=_BATCH_LETTERS):
    """What one process has told since the last time."""

    hostname: str
    pid: int
    source: str
    """Who numbers these batches; a name that nobody else has."""
    number: int
    base: float
    """The Unix time (seconds) that the times of tasks count from."""
    utcoffset: int = 0
    lost: int = 0
    """How many events of this source were lost so far, because they could not be written."""
    tasks: list[tuple[str, str, list[Life]]] = []
    """By name and queue."""
    others: list[Event] = []
    """Events of workers, and of people's own."""
    version: int = VERSION

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.others) + sum(len(lives) for _, _, lives in self.tasks)


_encoder = msgspec.msgpack.Encoder(enc_hook=repr)
_decoder = msgspec.msgpack.Decoder(Batch)


def encode(batch: Batch) -> bytes:
    """A batch as bytes."""
    return _encoder.encode(batch)


def decode(body: bytes) -> Batch:
    """Bytes as a batch.

    Raises:
        DecodeError: they are none, or of a version this release can't read.
    """
    try:
        batch = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"not a batch of events: {error}") from None
    if batch.version > VERSION:
        raise DecodeError(
            f"events of version {batch.version}, this release reads up to {VERSION}: update "
            "monitors before workers"
        )
    return batch


def utcoffset() -> int:
    """Hours that this machine's time is behind UTC, as Celery's events have it."""
    seconds = clocks.altzone if clocks.localtime().tm_isdst else clocks.timezone
    return seconds // 3600


def called(data: bytes | str | None, *, named: bool = False) -> str:
    """What arguments look like: ``(4, 4)``, or ``{'x': 4}`` where they are named."""
    if data is None:
        return "{}" if named else "()"
    if not isinstance(data, bytes):
        return str(data)
    if data == b"{}" and named:  # nearly always
        return "{}"
    try:
        value: Any = CODECS[""].decode(data)
        return repr(value if named else tuple(value))
    except Exception:  # what came from elsewhere must not end a monitor
        return data.decode(errors="replace")


def events_of(batch: Batch, wanted: Collection[str] | None, now: float) -> list[Event]:
    """The events of a batch, in the order in which they happened.

    Args:
        batch: The batch.
        wanted: Types; None: all.
        now: When it was read, Unix time in seconds.
    """
    found = [
        event
        for name, queue, lives in batch.tasks
        for life in lives
        for event in _events(life, name, queue, batch.base)
        if wanted is None or event["type"] in wanted
    ]
    for other in batch.others:
        if wanted is None or other.get("type") in wanted:
            stamp = other.get("timestamp")
            if not isinstance(stamp, int | float) or not math.isfinite(stamp):
                stamp = batch.base  # it is somebody's own field of that name
            found.append({**other, "timestamp": stamp, "clock": round(stamp * 1_000_000)})
    found.sort(key=lambda event: event["clock"])
    for event in found:
        event["hostname"] = event.get("hostname", batch.hostname)
        event["pid"] = batch.pid
        event["utcoffset"] = batch.utcoffset
        event["local_received"] = now
    return found


def _events(life: Life, name: str, queue: str, base: float) -> Iterator[Event]:
    start = round(base * 1_000_000)
    more: Event = life.more or {}
    if life.sent is not None:
        yield {
            **_event(SENT, life, name, queue, start + life.sent),
            **_call(life),
            "exchange": "",
            "routing_key": queue,
            **more,
        }
        more = {}
    if life.received is not None:
        times: Event = {key: more[key] for key in _TIMES if key in more}
        event = _event(RECEIVED, life, name, queue, start + life.received)
        yield {**event, **_call(life), **times}
    if life.started is not None:
        yield _event(STARTED, life, name, queue, start + life.started + 1)
    if life.ended is not None:
        yield {
            **_event(ENDS[life.kind], life, name, queue, start + life.ended + 2),
            **_end(life),
            **{key: value for key, value in more.items() if key not in _TIMES},
        }


_TIMES: Final = ("eta", "expires")


def _event(type: str, life: Life, name: str, queue: str, clock: int) -> Event:
    return {
        "type": type,
        "uuid": life.id,
        "name": name,
        "queue": queue,
        "retries": life.retries,
        "timestamp": clock / 1_000_000,
        "clock": clock,
    }


def _call(life: Life) -> Event:
    return {
        "args": called(life.args),
        "kwargs": called(life.kwargs, named=True),
        "eta": None,
        "expires": None,
        "root_id": life.root_id or life.id,
        "parent_id": life.parent_id,
    }


def _end(life: Life) -> Event:
    if life.kind == SUCCEEDED:
        return {"result": "None" if life.text is None else life.text, "runtime": runtime_of(life)}
    if life.kind in (FAILED, RETRIED):
        return {"exception": life.text, "traceback": life.traceback}
    if life.kind == REVOKED:
        return {"terminated": False, "signum": None, "expired": False}
    return {"requeue": False} if life.kind == REJECTED else {}


def runtime_of(life: Life) -> float | None:
    """Seconds that it ran; None where it did not."""
    if life.ran is not None:
        return life.ran / 1_000_000
    if life.started is None or life.ended is None:
        return None
    return (life.ended - life.started) / 1_000_000


def iso(seconds: float | None) -> str | None:
    """A Unix time as events have it."""
    return None if seconds is None else from_timestamp(seconds).isoformat()
