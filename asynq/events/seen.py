"""A task and a worker, as far as events have told of them. Names are Celery's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct, field

from asynq import states
from asynq._time import time
from asynq.events.event import called

RECEIVED: Final = "RECEIVED"
REJECTED: Final = "REJECTED"
IGNORED: Final = "IGNORED"

STATE_OF: Final[Mapping[str, str]] = {
    "task-sent": states.PENDING,
    "task-received": RECEIVED,
    "task-started": states.STARTED,
    "task-succeeded": states.SUCCESS,
    "task-failed": states.FAILURE,
    "task-retried": states.RETRY,
    "task-revoked": states.REVOKED,
    "task-rejected": REJECTED,
    "task-ignored": IGNORED,
}
"""The state that an event tells."""

_PRECEDENCE: Final = {
    state: number
    for number, state in enumerate((
        states.SUCCESS, states.FAILURE, IGNORED, states.REVOKED, states.STARTED, RECEIVED, REJECTED,
        states.RETRY, states.PENDING,
    ))
}  # fmt: skip
"""Celery's: of two events of one moment, the state that counts is the one that stands first."""

SAME_RETRY: Final = 5_000_000
"""Microseconds within which the number of the retry says more than the clocks of two machines."""

ALIVE_INTERVALS: Final = 2.0
"""After so many intervals without a heartbeat a worker is taken for dead, as in Celery."""
MARGIN: Final = 1.0
"""Seconds more that it has: what it tells comes in batches."""


class Task(Struct, kw_only=True, eq=False, gc=False):
    """A task. It holds no containers, so the garbage collector need not look at 100,000 of them:
    that would stop whoever follows events for a quarter of a second, again and again."""

    uuid: str
    number: int = 0
    """Where it stands among all tasks, by when it was first heard of."""
    name: str = ""
    state: str = states.PENDING
    queue: str | None = None
    worker: str | None = None
    """The node name of the worker that has, or had, it."""
    client: str | None = None
    """Who has sent it, where that was told."""
    args_: bytes | str | None = None
    kwargs_: bytes | str | None = None
    retries: int = 0
    sent: float | None = None
    """When that was: Unix time, seconds; so are the following."""
    received: float | None = None
    started: float | None = None
    succeeded: float | None = None
    failed: float | None = None
    retried: float | None = None
    revoked: float | None = None
    rejected: float | None = None
    ignored: float | None = None
    timestamp: float = 0.0
    """When what its state tells has happened."""
    clock: int = 0
    runtime: float | None = None
    """Seconds."""
    result: str | None = None
    exception: str | None = None
    traceback: str | None = None
    eta: str | None = None
    expires: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    root_id: str | None = None
    parent_id: str | None = None

    @property
    def id(self) -> str:
        """Its id, again."""
        return self.uuid

    @property
    def args(self) -> str | None:
        """What its positional arguments look like; None: nobody has told."""
        return None if self.args_ is None else called(self.args_)

    @property
    def kwargs(self) -> str | None:
        """What its named arguments look like; None: nobody has told."""
        return None if self.kwargs_ is None else called(self.kwargs_, named=True)

    @property
    def ready(self) -> bool:
        """It is over."""
        return self.state in states.READY_STATES or self.state == IGNORED

    @property
    def origin(self) -> str | None:
        """Who has sent it, or else the worker it is with."""
        return self.client or self.worker

    def is_news(self, state: str, clock: int, retries: int) -> bool:
        """Does an event that tells this state tell of later than what is known?

        Events of different processes come in any order. The run they belong to decides, then the
        clock; where that is the same, Celery's order of states.
        """
        if state == states.PENDING:
            return self.state == states.PENDING
        if self.state == states.PENDING:
            return True
        if retries != self.retries and abs(clock - self.clock) < SAME_RETRY:
            return retries > self.retries
        if clock != self.clock:
            return clock > self.clock
        return _PRECEDENCE.get(state, 0) <= _PRECEDENCE.get(self.state, 0)

    def info(
        self, fields: Iterable[str] | None = None, extra: Iterable[str] = ()
    ) -> dict[str, Any]:
        """What is worth showing of it; what is not known is left out.

        Args:
            fields: Which; None: Celery's, and `queue`.
            extra: And these.
        """
        names = [*(_INFO if fields is None else fields), *extra]
        found = {name: getattr(self, name, None) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """All of it."""
        own = {name: getattr(self, name) for name in self.__struct_fields__ if name[-1] != "_"}
        return {**own, "args": self.args, "kwargs": self.kwargs}

    def __repr__(self) -> str:
        return f"<Task: {self.name}({self.uuid}) {self.state}>"


_INFO: Final = (
    "args", "kwargs", "retries", "result", "eta", "runtime", "expires", "exception", "exchange",
    "routing_key", "root_id", "parent_id", "queue",
)  # fmt: skip


class Worker(Struct, kw_only=True, eq=False):
    """A worker."""

    hostname: str
    pid: int | None = None
    freq: float = 60.0
    """Seconds between two heartbeats."""
    active: int | None = None
    processed: int | None = None
    loadavg: list[float] | None = None
    lost: int = 0
    """How many of its events were lost."""
    sw_ident: str | None = None
    sw_ver: str | None = None
    sw_sys: str | None = None
    clock: int = 0
    heartbeats: list[float] = field(default_factory=list)
    """When it was last heard of; empty: it has said that it is gone."""
    now: Callable[[], float] = time
    """The clock that these are of."""

    @property
    def id(self) -> str:
        """Its node name."""
        return self.hostname

    @property
    def heartbeat_expires(self) -> float:
        """When it will be taken for dead (Unix time, seconds)."""
        last = self.heartbeats[-1] if self.heartbeats else 0.0
        return last + self.freq * ALIVE_INTERVALS + MARGIN

    @property
    def alive(self) -> bool:
        """Does it live, as far as is known?"""
        return bool(self.heartbeats) and self.now() < self.heartbeat_expires

    @property
    def status_string(self) -> str:
        """ONLINE or OFFLINE."""
        return "ONLINE" if self.alive else "OFFLINE"

    def heard(self, event: Mapping[str, Any]) -> None:
        """It has told something of itself."""
        clock = int(number(event.get("clock")) or 0)
        if clock < self.clock:
            return
        self.clock = clock
        # What is told may be told by anybody who can write to the server.
        for name in ("pid", "freq", "active", "processed", "lost"):
            if (figure := number(event.get(name))) is not None:
                setattr(self, name, figure)
        for name in ("sw_ident", "sw_ver", "sw_sys"):
            if event.get(name) is not None:
                setattr(self, name, str(event[name]))
        if isinstance(event.get("loadavg"), list | tuple):
            self.loadavg = [load for load in event["loadavg"] if number(load) is not None]
        if event.get("type") == "worker-offline":
            self.heartbeats.clear()
        else:
            self.heartbeats.append(number(event.get("timestamp")) or self.now())
            del self.heartbeats[:-4]

    def __repr__(self) -> str:
        return f"<Worker: {self.hostname} ({self.status_string})>"


def number(value: object) -> float | None:
    """A figure in an event; None: it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    return None
