"""What this worker holds and has done: an object that the agents share, not a module."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from msgspec import Struct, field

from asynq._time import monotonic
from asynq.brokers.base import Delivery
from asynq.execution.outcome import Failed, Interrupted, Revoked
from asynq.request import Request
from asynq.task import AnyTask
from asynq.wire.envelope import JSON
from asynq.wire.message import Message
from asynq.wire.rules import Rules
from asynq.worker.slots import Slot

NO_SLOT = Slot(lambda: None, lambda: None)
"""The place of a run that has none."""


class Run(Struct, kw_only=True, eq=False):
    """One admitted delivery, from the moment its task is known until it is settled."""

    delivery: Delivery
    message: Message
    task: AnyTask
    request: Request
    started: float = field(default_factory=monotonic)
    """On the monotonic clock, seconds."""
    slot: Slot = NO_SLOT
    handle: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    """Ends it when its time is over."""
    begun: bool = False
    """Its asyncio task has taken its first step: one cancelled before never runs at all."""
    called: tuple[str, str] | None = None
    """What its arguments look like, where that is stored: those by position, those by name."""
    format: str = JSON
    """What its message is written in."""
    input: bytes = b""
    """What its workflow has appended to its message."""
    acknowledged: bool = False
    """Its message was spent before it ran: whoever dies, it is not run again."""
    entered: bool = False
    """Its function may have been called."""
    entered_at: float = 0.0
    """When, where events are told; on the monotonic clock, seconds."""
    told: int = 0
    """How many of its events were told already: that it was received, that it has started."""
    cut_off: Interrupted | Failed | Revoked | None = None
    """How it ends because we ended it; None: whoever cancelled it was not us."""
    guilty: bool = False
    """It has killed the process that it had for itself."""
    rate: float | None = None
    """How many a second of its task may begin here; None: any."""
    abandoned: bool = False
    """It would not end; what it still does is of no consequence."""

    @property
    def id(self) -> str:
        """The task's id."""
        return self.delivery.id

    @property
    def label(self) -> str:
        """``name[id]``, as log lines call it; safe to print, whatever came in the message."""
        label = f"{self.message.shadow or self.message.task}[{self.delivery.id}]"
        return label if label.isprintable() else ascii(label)

    def interrupt(self, reason: str, *, lost: bool = False) -> None:
        """Cancel the run, for a reason that is not its own."""
        self.end(Interrupted(reason, lost=lost))

    def end(self, outcome: Interrupted | Failed | Revoked) -> None:
        """Cancel the run; this is how it has ended then.

        The first word counts, unless the delivery turns out to be another worker's.
        """
        lost = isinstance(outcome, Interrupted) and outcome.lost
        if self.cut_off is not None:
            if lost:
                self.cut_off = outcome
            return
        self.cut_off = outcome
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
        self.throttled: dict[Delivery, asyncio.TimerHandle] = {}
        """Fetched, and not to start before their rate limit allows it; what starts them then."""
        self.totals: Counter[str] = Counter()
        """Runs begun, by task name."""
        self.stuck: set[Run] = set()
        """Runs that would not end when they had to, and still go on."""
        self.apart: set[Run] = set()
        """Runs that are kept from all others, in a process of their own or waiting to be alone."""
        self.closed = False
        """Nothing more may begin for now: a run waits to be the only one."""
        self.rules = Rules()
        """What is paused and limited, as far as it has heard."""
        self.left = asyncio.Event()
        """Set when a run has ended, for who waits to be the only one."""
        self.reached = asyncio.Event()
        """Set when the broker has answered for the first time."""
        self.began = monotonic()

    def patience(self) -> float | None:
        """The longest time limit of what runs, in seconds; None: something has none, or nothing
        runs. Called from another thread, while the loop is blocked."""
        limits = [run.request.timelimit[0] for run in list(self.active.values())]
        longest = 0.0
        for limit in limits:
            if limit is None:
                return None
            longest = max(longest, limit)
        return longest or None
