"""Who did what and when, in a file that no queue can lose: one line, appended at once.

    P number - time      the producer's call returned, so the task must not be lost
    X number - time      the producer's call raised, so nothing was promised
    S number worker time the body began
    E number worker time the body ended

Runs in each peer's environment, so it needs nothing but Python.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple


class Line(NamedTuple):
    """One line of the ledger; `at` is seconds since the epoch."""

    kind: str
    number: int
    worker: str
    at: float


class Tally(NamedTuple):
    """What became of some tasks."""

    sent: int
    """How many the queue had accepted."""
    refused: int
    """How many it said it could not take."""
    unfinished: frozenset[int]
    """Accepted, and no body has ended."""
    again: int
    """Bodies begun beyond the first of each task."""
    twice: int
    """Tasks whose body ended more than once."""


def note(kind: str, number: int) -> None:
    """Append a line to the ledger that the environment names."""
    worker = os.environ.get("RELIABILITY_WORKER", "-")
    line = f"{kind} {number} {worker} {time.time():.6f}\n"
    ledger = os.open(os.environ["RELIABILITY_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(ledger, line.encode())
    finally:
        os.close(ledger)


def read(path: Path) -> list[Line]:
    """All whole lines so far."""
    if not path.exists():
        return []
    text = path.read_text()
    lines = [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]
    return [Line(kind, int(number), worker, float(at)) for kind, number, worker, at in lines]


def tally(lines: Iterable[Line], numbers: Collection[int]) -> Tally:
    """Count what became of the tasks with these numbers."""
    counts: dict[str, Counter[int]] = {kind: Counter() for kind in "PXSE"}
    for line in lines:
        if line.number in numbers:
            counts[line.kind][line.number] += 1
    sent, refused, begun, ended = (counts[kind] for kind in "PXSE")
    return Tally(
        sent=len(sent),
        refused=len(refused),
        unfinished=frozenset(sent.keys() - ended.keys()),
        again=sum(count - 1 for count in begun.values()),
        twice=sum(count > 1 for count in ended.values()),
    )


def first(
    lines: Iterable[Line],
    kind: str,
    numbers: Collection[int],
    *,
    worker: str = "",
    since: float = 0.0,
) -> float | None:
    """When the first such line was written, of that worker where one is named."""
    times = [
        line.at
        for line in lines
        if line.kind == kind
        and line.number in numbers
        and line.at >= since
        and worker in ("", line.worker)
    ]
    return min(times, default=None)


def all_ended(lines: Iterable[Line], numbers: Collection[int]) -> float | None:
    """When the last of the accepted tasks had ended for the first time; None: not all have."""
    lines = list(lines)
    if tally(lines, numbers).unfinished:
        return None
    ends: dict[int, float] = {}
    for line in lines:
        if line.kind == "E" and line.number in numbers:
            ends.setdefault(line.number, line.at)
    return max(ends.values(), default=None)


def running(lines: Iterable[Line], worker: str) -> int:
    """How many bodies have begun and not ended on that worker."""
    begun = Counter(line.kind for line in lines if line.worker == worker)
    return begun["S"] - begun["E"]
