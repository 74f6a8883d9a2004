"""What became of a canvas, at one moment: its tree, and the state of every task in it.

`await result.graph()` and `await app.workflows.show(id)` give one. It is a value: printed it is a
tree of text, and it draws itself for Graphviz, for Mermaid, and for programs::

    chord
    ├─ group
    │  └─ proj.mul × 500  498 SUCCESS, 2 STARTED
    └─ proj.xsum  PENDING  019acd52-…
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from asynq import states
from asynq.result import drawing
from asynq.result.outlining import picture, spots, task_numbers
from asynq.wire.flow import Shape
from asynq.wire.ids import step_id


class Graph(Struct, frozen=True, kw_only=True, eq=False):
    """The tree of a workflow, of a plain group or of a plain task, with states."""

    workflow: str | None = None
    """The workflow's id; None: it is a plain task, or a plain group."""
    tree: Shape
    """What there is, by numbers (see `asynq.wire.flow.Shape`)."""
    ids: Mapping[int, str] = {}
    """Ids by number, of those that do not follow from the workflow's."""
    states: Mapping[int, str] = {}
    """States by number; PENDING where there is none."""
    began: datetime | None = None
    """When it was sent, in UTC; of a workflow."""
    idle: float | None = None
    """Seconds since something happened in it, or since it was over; of a workflow."""
    over: str = ""
    """How it ended, a state; empty: it goes on, or is no workflow."""

    def id_of(self, number: int) -> str:
        """The id of a task, or of a group, by its number."""
        return step_id(self.ids, self.workflow or "", number)

    def state_of(self, number: int) -> str:
        """The state of a task, by its number."""
        return self.states.get(number, states.PENDING)

    @property
    def tasks(self) -> Iterator[tuple[str, str]]:
        """Every task's id and its state, without those that are called only where one fails."""
        for number in task_numbers(self.tree):
            yield self.id_of(number), self.state_of(number)

    def counts(self) -> dict[str, int]:
        """How many tasks are in which state, without those that are called only where one fails."""
        return dict(Counter(map(self.state_of, task_numbers(self.tree))))

    @property
    def picture(self) -> str:
        """It on one line, without states: ``add | group(mul × 10) | xsum``."""
        return picture(self.tree)

    def __str__(self) -> str:
        return drawing.text(self)

    def __repr__(self) -> str:
        return f"<Graph: {self.picture}>"

    def to_dot(self) -> str:
        """It in the language of Graphviz: ``dot -Tsvg`` makes a picture of it."""
        return drawing.dot(self)

    def to_mermaid(self) -> str:
        """It in the language of Mermaid, which GitHub, GitLab and many others show."""
        return drawing.mermaid(self)

    def to_dict(self) -> dict[str, Any]:
        """All of it, every task with its id and its state, as plain values for JSON."""
        began = None if self.began is None else self.began.isoformat()
        return {
            "workflow": self.workflow,
            "began": began,
            "idle": self.idle,
            "over": self.over or None,
            "states": self.counts(),
            "tree": self._nested(),
        }

    def _nested(self) -> dict[str, Any]:
        told: list[dict[str, Any]] = []
        for spot in spots(self.tree, alike=False):
            shape = spot.shape
            one: dict[str, Any] = {"kind": shape.kind}
            if shape.kind == "task":
                one |= {"name": shape.name, "tasks": self._tasks_at(spot.numbers)}
            told.append(one)
            if spot.up >= 0:
                told[spot.up].setdefault(f"{spot.role}s", []).append(one)
        return told[0]

    def _tasks_at(self, numbers: Iterator[int]) -> Sequence[Mapping[str, str]]:
        return [{"id": self.id_of(number), "state": self.state_of(number)} for number in numbers]
