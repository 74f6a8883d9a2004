"""What happened, written down outside the server: one line at a time, appended, never rewritten.

Workers and whoever sends write to the same file, so that what a killed worker did is known too:

    P id kind at            sent: the call that sent it has returned
    U id kind at            perhaps sent: that call has raised
    S id retries d pid at   a run begins, after d redeliveries
    E id retries pid at     its body has ended
    R id at                 revoked: the call that did it has returned
    C id status entry words at
                            accepted: the server says that the task has ended (see `trail`); the
                            entry that says so, and what stands for its words
    N id workflow role at   a step of a workflow, about to be sent
    V id value at           its value, as JSON, if it succeeds
    W id kind how at        a workflow: "sent", or "perhaps"
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

EARLY: Final = "early"
"""The kind of a task that is acknowledged before it runs: it fails with its worker, and never runs
twice."""


class Start(NamedTuple):
    """A run has begun."""

    id: str
    retries: int
    redeliveries: int
    pid: int
    at: float


class End(NamedTuple):
    """A run's body has ended."""

    id: str
    retries: int
    pid: int
    at: float


class Step(NamedTuple):
    """A step of a workflow."""

    workflow: str
    role: str


AT_TIMES: Final = frozenset({"idle", "errback?"})
"""Roles of steps that need not run: they are not counted among the tasks that were sent."""


class Book:
    """A ledger, read."""

    def __init__(self, lines: list[str]) -> None:
        self.sent: dict[str, str] = {}
        """Id to kind."""
        self.perhaps_sent: dict[str, str] = {}
        self.starts: list[Start] = []
        self.ends: list[End] = []
        self.revoked: dict[str, float] = {}
        """Id to when."""
        self.accepted: defaultdict[str, dict[str, str]] = defaultdict(dict)
        """Id to the entries of the trail that tell of its end, and what stands for their words."""
        self.steps: dict[str, Step] = {}
        self.values: dict[str, str] = {}
        """Id to the value that is expected, as JSON."""
        self.workflows: dict[str, tuple[str, bool]] = {}
        """Id to kind, and whether it was surely sent."""
        self._read(lines)
        for id, step in self.steps.items():
            _, sent = self.workflows.get(step.workflow, ("", False))
            if step.role not in AT_TIMES:
                (self.sent if sent else self.perhaps_sent)[id] = step.role

    def _read(self, lines: list[str]) -> None:
        for line in lines:
            match line.split():
                case ["P", id, kind, _]:
                    self.sent[id] = kind
                case ["U", id, kind, _]:
                    self.perhaps_sent[id] = kind
                case ["S", id, retries, redeliveries, pid, at]:
                    self.starts.append(
                        Start(id, int(retries), int(redeliveries), int(pid), float(at))
                    )
                case ["E", id, retries, pid, at]:
                    self.ends.append(End(id, int(retries), int(pid), float(at)))
                case ["R", id, at]:
                    self.revoked[id] = float(at)
                case ["C", id, _, entry, words, _]:
                    self.accepted[id][entry] = words
                case ["N", id, workflow, role, _]:
                    self.steps[id] = Step(workflow, role)
                case ["V", id, value, _]:
                    self.values[id] = value
                case ["W", id, kind, how, _]:
                    self.workflows[id] = kind, how == "sent"
                case _:
                    raise ValueError(f"not a line of the ledger: {line!r}")

    def runs(self, id: str) -> list[Start]:
        """Every run of one task."""
        return [start for start in self.starts if start.id == id]

    @property
    def duplicates(self) -> int:
        """Runs beyond the first of an attempt; a retry is another attempt."""
        runs = Counter((start.id, start.retries) for start in self.starts)
        return sum(count - 1 for count in runs.values())

    @property
    def completed_twice(self) -> list[str]:
        """Tasks of which the server has accepted more than one end."""
        return sorted(id for id, entries in self.accepted.items() if len(entries) > 1)


class Ledger:
    """A file that many processes append to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, *words: object) -> None:
        """Append a line, with the time at its end; one write, so lines never mix."""
        self.note_all([words])

    def note_all(self, lines: Iterable[Sequence[object]]) -> None:
        """Append several, with the same time."""
        at = time.clock_gettime(time.CLOCK_REALTIME)  # right also where a test makes time() wrong
        text = "".join(f"{' '.join(map(str, words))} {at:.4f}\n" for words in lines)
        os.write(self._file, text.encode())

    def read(self) -> Book:
        """All that stands in it now."""
        return Book(self.path.read_text().splitlines())

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
