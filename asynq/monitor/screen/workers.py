"""The workers: those that tell events, and those that live and tell none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult

from asynq._amounts import roughly
from asynq._time import time
from asynq.events.seen import Worker
from asynq.monitor.cluster import Cluster
from asynq.monitor.screen.listing import Query
from asynq.monitor.screen.look import BAD, DIM, GOOD, ODD, PLAIN, STRONG, Cell
from asynq.monitor.screen.table import Column, Table
from asynq.monitor.screen.view import OpenTasks, View


class Node(NamedTuple):
    """A worker, as far as it is known."""

    name: str
    told: Worker | None
    """By its events."""
    alive: bool
    """By its heartbeats on the server."""
    queues: Sequence[str]

    @property
    def status(self) -> Cell:
        """Whether it lives; a worker that does, and tells none, has NO EVENTS."""
        if self.told is not None and self.told.alive:
            return "ONLINE", GOOD
        return ("NO EVENTS", ODD) if self.alive else ("OFFLINE", BAD)


def nodes(cluster: Cluster) -> list[Node]:
    """All that are known, by name; those that live first."""
    told = cluster.state.workers
    alive = frozenset(cluster.alive)
    serves: dict[str, list[str]] = {}
    for queue in cluster.queues:
        for name in queue.workers:
            serves.setdefault(name, []).append(queue.name)
    found = [Node(name, told.get(name), name in alive, serves.get(name, ()))
             for name in {*told, *alive}]  # fmt: skip
    return sorted(found, key=lambda node: (node.status[0] == "OFFLINE", node.name))


class WorkerTable(Table):
    """The table."""

    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("NODE", 12, grows=3),
        Column("STATUS", 9),
        Column("ACTIVE", 6, right=True),
        Column("PROCESSED", 10, right=True),
        Column("LOAD", 5, right=True),
        Column("HEARTBEAT", 10, right=True),
        Column("LOST", 5, right=True),
        Column("PID", 8, right=True, wide=110),
        Column("VERSION", 14, wide=110),
        Column("QUEUES", 12, grows=2, wide=110),
    )
    EMPTY = "No worker runs, and none was told of."

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.nodes: list[Node] = []

    def count(self) -> int:
        """How many there are."""
        return len(self.nodes)

    def row(self, index: int) -> Sequence[Cell]:
        """One worker."""
        node = self.nodes[index]
        told = node.told or Worker(hostname=node.name)
        beat = told.heartbeats[-1] if told.heartbeats else None
        load = f"{told.loadavg[0]:.2f}" if told.loadavg else ""
        version = f"{told.sw_ident or ''} {told.sw_ver or ''}".strip()
        return (
            (node.name, STRONG),
            node.status,
            (_number(told.active), PLAIN),
            (_number(told.processed), PLAIN),
            (load, PLAIN),
            ("" if beat is None else f"{roughly(max(0.0, time() - beat))} ago", DIM),
            (_number(told.lost), BAD if told.lost else DIM),
            ("" if told.pid is None else str(told.pid), DIM),
            (version, DIM),
            (", ".join(node.queues), DIM),
        )


class WorkersView(View):
    """The workers of the cluster."""

    def __init__(self, cluster: Cluster, *, id: str) -> None:
        super().__init__(id=id)
        self.cluster = cluster
        self.table = WorkerTable(id="worker-table")

    def compose(self) -> ComposeResult:
        """The table."""
        yield self.table

    def renew(self) -> None:
        """Show what has come in; the chosen worker stays chosen."""
        table = self.table
        chosen = table.nodes[table.cursor].name if table.cursor < len(table.nodes) else None
        table.nodes = nodes(self.cluster)
        table.cursor = next(
            (place for place, node in enumerate(table.nodes) if node.name == chosen), table.cursor
        )
        table.reload()

    @on(Table.Opened)
    def _opened(self, event: Table.Opened) -> None:
        self.post_message(OpenTasks(Query(worker=self.table.nodes[event.index].name)))


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
