"""The results as tables, for the terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.table import Table as RichTable

from benchmarks.results import Results
from benchmarks.system import System
from benchmarks.workload import Column, Workload

NOTHING = "—"
ASYNQ, FLOOR = "asynq", "floor_a"
VARIANTS = ("asynq-signed", "asynq-info", "asynq-events")


@dataclass(frozen=True)
class Table:
    """A title, a row of headings, rows that begin with a name, and what must be said below."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        """For a page."""
        lines = [
            f"### {self.title}\n",
            _line(self.head),
            "|---" + "|--:" * (len(self.head) - 1) + "|",
            *map(_line, self.rows),
            *([""] if self.notes else []),
            *(f"{note}\n" for note in self.notes),
        ]
        return "\n".join(lines).rstrip() + "\n"

    def rich(self) -> RichTable:
        """For the terminal."""
        table = RichTable(title=self.title, title_justify="left", caption_justify="left")
        for at, heading in enumerate(self.head):
            table.add_column(heading, justify="right" if at else "left")
        for row in self.rows:
            table.add_row(*row)
        table.caption = "\n".join(self.notes) or None
        return table


def summary(
    results: Results, workloads: Mapping[str, Workload], systems: Mapping[str, System]
) -> Table:
    """Each workload in a row: asynq, the floors, and the best peer of each kind."""
    head = (
        *("", "asynq", "spread", "floor A", "to floor A", "to floor B"),
        *("best peer that stores results", "to it", "best that stores none", "to it"),
    )
    rows = []
    for name, workload in workloads.items():
        column = workload.columns[0]
        if results.middle(ASYNQ, name, column.key) is None:
            continue
        cells = [
            _shown(results.middle(ASYNQ, name, column.key), column.digits),
            _spread(results.spread(ASYNQ, name, column.key), column.digits),
            _shown(results.middle(FLOOR, name, column.key), column.digits),
            _shown(results.ratio(ASYNQ, FLOOR, name, column.key), 2),
            _shown(results.ratio(ASYNQ, "floor_b", name, column.key), 2),
        ]
        for stores in (True, False):
            peers = [
                peer.name
                for peer in systems.values()
                if peer.stores_results is stores and not is_own(peer.name)
            ]
            cells += _best(results, name, column, peers)
        rows.append([f"{workload.title}, {column.heading}", *cells])
    return Table("asynq beside the floors and the best of its peers", head, rows)


def variants(results: Results, workloads: Mapping[str, Workload]) -> Table:
    """What signing and logging leave of asynq's plain figures."""
    rows = []
    for name, workload in workloads.items():
        column = workload.columns[0]
        ratios = [results.ratio(variant, ASYNQ, name, column.key) for variant in VARIANTS]
        if any(ratios):
            title = f"{workload.title}, {column.heading}"
            rows.append([title, *(_shown(ratio, 2) for ratio in ratios)])
    head = ("to the plain figure of the same round", "messages signed", "INFO log lines", "events")
    return Table("asynq with more to do", head, rows)


def table(results: Results, name: str, workload: Workload, order: Iterable[str]) -> Table:
    """One workload, its systems in rows."""
    first, *rest = workload.columns
    head = ["", first.heading, "spread", "to asynq", "to floor A"]
    rows = [
        [
            system,
            _shown(results.middle(system, name, first.key), first.digits),
            _spread(results.spread(system, name, first.key), first.digits),
            _shown(results.ratio(system, ASYNQ, name, first.key), 3),
            _shown(results.ratio(system, FLOOR, name, first.key), 3),
            *(_shown(results.middle(system, name, column.key), column.digits) for column in rest),
        ]
        for system in results.systems(name, order)
    ]
    notes = [
        f"{run.system}, round {run.round}: {run.problem.strip().splitlines()[0][:200]}"
        for run in results.problems(name)
    ]
    return Table(workload.title, [*head, *(column.heading for column in rest)], rows, notes)


def _best(results: Results, name: str, column: Column, peers: Iterable[str]) -> list[str]:
    """The best of them, and asynq's ratio to it."""
    found = [
        (middle, peer)
        for peer in peers
        if (middle := results.middle(peer, name, column.key)) is not None
    ]
    if not found:
        return [NOTHING, NOTHING]
    value, peer = max(found) if column.more_is_better else min(found)
    ratio = results.ratio(ASYNQ, peer, name, column.key)
    return [f"{peer} {_shown(value, column.digits)}", _shown(ratio, 2)]


def is_own(name: str) -> bool:
    """Is it asynq or a floor, and no peer?"""
    return name == ASYNQ or name in VARIANTS or name.startswith("floor_")


def _spread(spread: tuple[float, float] | None, digits: int) -> str:
    return f"{spread[0]:,.{digits}f} … {spread[1]:,.{digits}f}" if spread else NOTHING


def _shown(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:,.{digits}f}"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
