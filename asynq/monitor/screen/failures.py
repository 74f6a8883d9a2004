"""The last failures, in short: the list of the overview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from asynq.events.seen import Task
from asynq.monitor.screen.look import BAD, DIM, STRONG, Cell, clock
from asynq.monitor.screen.table import Column, Table


class FailureTable(Table):
    """The list."""

    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("TIME", 8),
        Column("TASK", 10, grows=1, end=True),
        Column("ERROR", 12, grows=2),
        Column("WORKER", 10, grows=1, wide=90),
    )
    EMPTY = "None."

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.failures: list[Task] = []

    def count(self) -> int:
        """How many are shown."""
        return len(self.failures)

    def row(self, index: int) -> Sequence[Cell]:
        """One of them."""
        task = self.failures[index]
        return (
            (clock(task.timestamp), DIM),
            (task.name, STRONG),
            (task.exception or "", BAD),
            (task.worker or "", DIM),
        )
