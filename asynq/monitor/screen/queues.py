"""The queues, as `asynq queues` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from asynq._amounts import roughly
from asynq._printable import printable
from asynq.monitor.cluster import Cluster
from asynq.monitor.screen.keys import QUEUE, bindings
from asynq.monitor.screen.listing import Query
from asynq.monitor.screen.look import BAD, BUSY, DIM, ODD, PLAIN, STRONG, Cell, rate
from asynq.monitor.screen.table import Column, Table
from asynq.monitor.screen.view import OpenTasks, View
from asynq.queues import QueueInfo


class QueueTable(Table):
    """The table."""

    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("QUEUE", 10, grows=2),
        Column("READY", 7, right=True),
        Column("DELAYED", 7, right=True),
        Column("RUNNING", 7, right=True),
        Column("OLDEST", 7, right=True),
        Column("PER SEC", 7, right=True),
        Column("DEAD", 5, right=True),
        Column("PUT ASIDE", 9, right=True, wide=110),
        Column("WORKERS", 7, right=True, wide=110),
        Column("STATE", 9, grows=1),
    )
    EMPTY = "No queue is declared, and none was ever used."

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.queues: Sequence[QueueInfo] = ()

    def count(self) -> int:
        """How many there are."""
        return len(self.queues)

    def row(self, index: int) -> Sequence[Cell]:
        """One queue."""
        queue = self.queues[index]
        return (
            (queue.name, STRONG),
            _count(queue.ready),
            _count(queue.delayed),
            _count(queue.running, BUSY),
            ("" if queue.oldest is None else roughly(queue.age), PLAIN),
            ("" if queue.rate is None else rate(queue.rate), PLAIN),
            _count(queue.dead, BAD),
            _count(queue.parked, ODD),
            _count(len(queue.workers)),
            _state(queue),
        )


class QueuesView(View):
    """The queues of the cluster."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(QUEUE)

    def __init__(self, cluster: Cluster, *, id: str) -> None:
        super().__init__(id=id)
        self.cluster = cluster
        self.table = QueueTable(id="queue-table")

    def compose(self) -> ComposeResult:
        """The table, and which tasks are paused."""
        yield self.table
        yield Static(id="paused-tasks")

    @property
    def subject(self) -> QueueInfo | None:
        """The chosen queue."""
        queues = self.table.queues
        return queues[self.table.cursor] if self.table.cursor < len(queues) else None

    def renew(self) -> None:
        """Show what was seen last; the chosen queue stays chosen."""
        table, chosen = self.table, self.subject
        table.queues = self.cluster.queues
        if chosen is not None:
            table.cursor = next(
                (n for n, queue in enumerate(table.queues) if queue.name == chosen.name),
                table.cursor,
            )
        table.reload()
        paused = self.query_one("#paused-tasks", Static)
        paused.display = bool(self.cluster.paused_tasks)
        names = ", ".join(printable(name, 100) for name in sorted(self.cluster.paused_tasks))
        aside = sum(queue.parked for queue in table.queues)
        paused.update(
            Text.assemble((" Paused tasks: ", ODD), names, (f"  ({aside:,} put aside)", DIM))
        )

    @on(Table.Opened)
    def _opened(self, event: Table.Opened) -> None:
        self.post_message(OpenTasks(Query(queue=self.table.queues[event.index].name)))


def _count(number: int, style: str = PLAIN) -> Cell:
    return (f"{number:,}", style if number else DIM)


def _state(queue: QueueInfo) -> Cell:
    words = ["paused"] if queue.paused else []
    if queue.limit is not None:
        words.append(f"at most {queue.limit:,}")
    if not words:
        return ("open", DIM) if queue.workers else ("no worker", ODD if queue.ready else DIM)
    return ", ".join(words), ODD
