"""What was found, as tables: each shape in a row, what it costs, and how that grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.canvas.shapes import GROWTH, MAIN, Shape
from benchmarks.results import Results
from benchmarks.tables import ASYNQ, NOTHING, Table
from benchmarks.workload import Column

COSTS = (
    Column("sent", "commands sent", 3),
    Column("executed", "executed", 2),
    Column("bytes_in", "bytes to the server"),
    Column("peak", "server's memory at most, bytes"),
    Column("cpu", "caller CPU µs"),
    Column("worker_cpu", "worker CPU µs"),
    Column("server_cpu", "server CPU µs"),
)
MILLI = 1e3


def times(results: Results, systems: Sequence[str]) -> Table:
    """How long each shape takes: seconds until the result is there, and tasks a second."""
    peers = _peers(results, systems)
    head = ["", "asynq", "spread", "tasks a second"]
    for peer in peers:
        head += [peer, "spread", "tasks a second", "times as long"]
    rows, notes = [], []
    for name in MAIN:
        if not results.systems(name, systems):
            continue
        cells = _time(results, ASYNQ, name)
        for peer in peers:
            ratio = results.ratio(peer, ASYNQ, name, "seconds")
            cells += [*_time(results, peer, name), _shown(ratio, 1)]
        rows.append([f"{_title(results, name)}, ms", *cells])
        notes += _notes(results, name)
    return Table("Until the result is there", head, rows, notes)


def sending(results: Results, systems: Sequence[str]) -> Table:
    """How long it takes until all of it is sent."""
    systems = [ASYNQ, *_peers(results, systems)]
    rows = [
        [
            f"{_title(results, name)}, ms",
            *(
                _shown(_scaled(results.middle(system, name, "sending"), MILLI), 1)
                for system in systems
            ),
        ]
        for name, shape in MAIN.items()
        if results.systems(name, systems) and not shape.alone
    ]
    return Table("Until it is sent", ["", *systems], rows)


def costs(results: Results, systems: Sequence[str]) -> Table:
    """What a task costs in each shape."""
    rows = [
        [
            f"{shape.title}: {system}",
            *(_shown(results.middle(system, name, each.key), each.digits) for each in COSTS),
        ]
        for name, shape in MAIN.items()
        for system in results.systems(name, systems)
    ]
    return Table("What a task costs", ["", *(column.heading for column in COSTS)], rows)


def growth(results: Results, systems: Sequence[str], family: str, title: str) -> Table:
    """What a task costs as the workflow it is in grows."""
    systems = [
        name
        for name in systems
        if any(run.system == name and run.workload in _family(family) for run in results.runs)
    ]
    head = [""]
    for system in systems:
        head += [f"{system}, bytes to the server", "all of it, kB", "µs"]
    rows, notes = [], []
    for name, shape in _family(family).items():
        if not results.systems(name, systems):
            continue
        cells = []
        for system in systems:
            whole = _scaled(results.middle(system, name, "bytes_all"), 1e-3)
            cells += [
                _shown(results.middle(system, name, "bytes_in"), 0),
                _shown(whole, 1),
                _shown(results.middle(system, name, "each"), 0),
            ]
        rows.append([shape.title, *cells])
        notes += _notes(results, name)
    return Table(title, head, rows, notes)


def every(results: Results, systems: Sequence[str]) -> list[Table]:
    """All of them that have something to show."""
    found = [
        times(results, systems),
        sending(results, systems),
        costs(results, systems),
        growth(results, systems, "length", "A task's cost as a chain grows"),
        growth(results, systems, "chords", "A task's cost as a chain of chords grows"),
    ]
    return [table for table in found if table.rows]


def _peers(results: Results, systems: Sequence[str]) -> list[str]:
    """Who was asked for more than growth."""
    asked = {run.system for run in results.runs if run.workload in MAIN}
    return [name for name in systems if name != ASYNQ and name in asked]


def _family(family: str) -> Mapping[str, Shape]:
    return {name: shape for name, shape in GROWTH.items() if shape.family == family}


def _title(results: Results, name: str) -> str:
    """Of a shape, with how many of it there were, which the scale decides."""
    shape = MAIN[name]
    totals = [run.figures["tasks"] for run in results.runs if run.workload == name and run.figures]
    count = max(totals, default=0) // shape.tasks
    return shape.title if shape.alone or count < 2 else f"{shape.title}, {count:,} at once"


def _time(results: Results, system: str, name: str) -> list[str]:
    spread = results.spread(system, name, "seconds")
    return [
        _shown(_scaled(results.middle(system, name, "seconds"), MILLI), 1),
        f"{spread[0] * MILLI:,.1f} … {spread[1] * MILLI:,.1f}" if spread else NOTHING,
        _shown(results.middle(system, name, "rate"), 0),
    ]


def _notes(results: Results, name: str) -> list[str]:
    return [
        f"{run.system}, {(MAIN | GROWTH)[name].title}, round {run.round}: {run.problem[:200]}"
        for run in results.problems(name)
    ]


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else value * by


def _shown(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:,.{digits}f}"
