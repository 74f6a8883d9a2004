"""What this worker holds and has done: an object that the agents share, not a module."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from msgspec import Struct, field

from asynq._time import monotonic
from asynq.brokers.base import Delivery
from asynq.execution.outcome import Interrupted
from asynq.request import Request
from asynq.task import AnyTask
from asynq.wire.message import Message


class Run(Struct, kw_only=True, eq=False):
    """One admitted delivery, from the moment its task is known until it is settled."""

    delivery: Delivery
    message: Message
    task: AnyTask
    request: Request
    started: float = field(default_factory=monotonic)
    """On the monotonic clock, seconds."""
    handle: asyncio.Task[None] | None = None
    begun: bool = False
    """Its asyncio task has taken its first step: one cancelled before never runs at all."""
    called: tuple[str, str] | None = None
    """What its arguments look like, where that is stored: those by position, those by name."""
    interrupted: Interrupted | None = None
    """Why we cancelled it; None: whoever cancelled it was not us."""

    @property
    def label(self) -> str:
        """``name[id]``, as log lines call it; safe to print, whatever came in the message."""
        label = f"{self.message.shadow or self.message.task}[{self.delivery.id}]"
        return label if label.isprintable() else ascii(label)

    def interrupt(self, reason: str, *, lost: bool = False) -> None:
        """Cancel the run, for a reason that is not its own."""
        if self.interrupted is None:
            self.interrupted = Interrupted(reason, lost=lost)
            if self.begun and self.handle is not None:
                self.handle.cancel()


class WorkerState:
    """What the worker holds now, and how much it has done."""

    def __init__(self, hostname: str) -> None:
        self.hostname = hostname
        self.active: dict[Delivery, Run] = {}
        """What runs."""
        self.reserved: deque[Delivery] = deque()
        """Fetched, not started."""
        self.totals: Counter[str] = Counter()
        """Runs begun, by task name."""
        self.reached = asyncio.Event()
        """Set when the broker has answered for the first time."""
        self.began = monotonic()
