"""What the views have in common."""

from __future__ import annotations

from textual.containers import Vertical
from textual.message import Message

from asynq.events.seen import Task
from asynq.monitor.screen.listing import Query
from asynq.queues import QueueInfo


class OpenTask(Message):
    """A task shall be shown with all there is."""

    def __init__(self, id: str, begin: str = "") -> None:
        super().__init__()
        self.id = id
        self.begin = begin


class OpenTasks(Message):
    """Tasks shall be shown."""

    def __init__(self, query: Query) -> None:
        super().__init__()
        self.asked = query


class View(Vertical):
    """One of the views between which one goes with 1, 2, 3 and 4."""

    @property
    def subject(self) -> Task | QueueInfo | None:
        """What is chosen in it, for the keys that do something with it."""
        return None

    def renew(self) -> None:
        """Show what has come in. Called a few times a second while it is seen."""
        raise NotImplementedError
