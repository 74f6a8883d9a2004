"""Spaces by name: every adapter in this process that names the same one meets the others there."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING

from asynq._memory.events import Events
from asynq._memory.fanout import Channels
from asynq._memory.queues import Message, Queues
from asynq._memory.records import Records
from asynq._memory.revocations import Revocations
from asynq._memory.workflows import Workflows

if TYPE_CHECKING:
    from asynq.wire.firing import Entry

Watcher = Callable[[Message, float | None], None]

_spaces: dict[tuple[str, str], Space] = {}
_registry = RLock()
"""Reentrant: while a space is made, the garbage collector may drop another, on this very thread."""


class Space:
    """Queues and records under one lock, so that a settlement happens at once or not at all."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.queues = Queues(self.lock)
        self.records = Records(self.lock)
        self.revocations = Revocations(self.lock)
        self.channels = Channels(self.lock)
        self.workflows = Workflows(self.lock)
        self.rules: dict[str, str] = {}
        """See `Broker.rules`."""
        self.events = Events(self.lock)
        self.entries: dict[str, Entry] = {}
        """Of periodic tasks, by their names."""
        self.entries_version = ""
        self.entries_lease: tuple[str, float] | None = None
        """Token of the beat that fires first, and until when, by the monotonic clock."""
        self.watchers: list[Watcher] = []
        """Called with each message that is published, and when it is due."""
        self.workers: dict[str, tuple[float, float, bytes]] = {}
        """Worker name to (monotonic time when it last spoke, and until which it lives; what it said
        of itself)."""

    def publish(self, message: Message, due: float | None) -> None:
        """Put a new message into its queue, and tell the watchers."""
        with self.lock:
            self.queues.put(message, due=due)
            for watcher in self.watchers:
                watcher(message, due)

    def clear(self) -> None:
        """Forget all messages, records, revocations, workflows, events, workers, rules and periodic
        tasks; who is connected stays so."""
        with self.lock:
            self.queues.clear()
            self.records.clear()
            self.revocations.clear()
            self.workflows.clear()
            self.events.clear()
            self.workers.clear()
            self.rules.clear()
            self.entries.clear()
            self.entries_version = ""


def open_space(server: str, namespace: str) -> Space:
    """The space of this server (``memory://name``) and namespace, made at the first asking.

    It stays for the life of the process, because what was sent from one event loop must be there
    for the next; `drop_space` ends it.
    """
    with _registry:
        space = _spaces.get((server, namespace))
        if space is None:
            space = _spaces[server, namespace] = Space()
        return space


def drop_space(server: str, namespace: str) -> None:
    """Forget the space. Adapters that are open keep theirs; the next one starts empty."""
    with _registry:
        _spaces.pop((server, namespace), None)


def server_of(url: str) -> str:
    """The identity in a URL: ``memory://name``, without options and trailing slashes."""
    return "memory://" + url.partition("://")[2].partition("?")[0].rstrip("/")
