"""The results as Markdown, and as JSON that later runs add to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from benchmarks.reliability.run import Run

COLUMNS = ("lost", "stuck", "begun again", "ended twice", "workers died", "all done", "new work")
POISON = ("innocents not done", "stuck", "begun again", "workers died", "all done", "poison ran")
WITHOUT_NEW_WORK = ("T1", "T3")


class Results(NamedTuple):
    """All that is known: of each peer its versions, of each peer and fault the last run."""

    versions: dict[str, dict[str, str]]
    runs: dict[tuple[str, str], Run]
    about: dict[str, str]
    """Date, server, Python and machine of the last run."""


def load(path: Path | None) -> Results:
    """What earlier runs have left in that file; nothing where there is none."""
    if path is None or not path.exists():
        return Results({}, {}, {})
    stored = json.loads(path.read_text())
    runs = [Run(**run) for run in stored["runs"]]
    return Results(
        stored["versions"], {(run.peer, run.fault): run for run in runs}, stored["about"]
    )


def save(results: Results, path: Path) -> None:
    """Write all of it to that file."""
    stored = {
        "about": results.about,
        "versions": results.versions,
        "runs": [asdict(run) for run in results.runs.values()],
    }
    path.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n")


def markdown(results: Results, peers: Iterable[str], faults: Mapping[str, str]) -> str:
    """A heading and a table for each fault that was played; `faults` is number → meaning."""
    names = [*peers]
    parts = []
    for fault, meaning in faults.items():
        runs = [results.runs[peer, fault] for peer in names if (peer, fault) in results.runs]
        if runs:
            parts.append(f"### {fault}\n\n{meaning}\n\n{_table(fault, runs)}")
    return "\n\n".join(parts) + "\n"


def versions(results: Results, peers: Iterable[str]) -> str:
    """One line a peer."""
    return "".join(
        f"- **{peer}**: "
        + ", ".join(f"{name} {number}" for name, number in results.versions[peer].items())
        + "\n"
        for peer in peers
    )


def _table(fault: str, runs: Iterable[Run]) -> str:
    is_poison = fault == "T30"
    columns = POISON if is_poison else COLUMNS
    if fault in WITHOUT_NEW_WORK:
        columns = columns[:-1]
    lines = [
        "| | " + " | ".join(columns) + " |",
        "|---" + "|--:" * len(columns) + "|",
    ]
    for run in runs:
        if run.problem:
            cells = [f"not played: {run.problem}", *[""] * (len(columns) - 1)]
        else:
            cells = (_poison_cells if is_poison else _cells)(run)[: len(columns)]
        lines.append(f"| {run.peer} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cells(run: Run) -> list[str]:
    return [
        _of(run.lost, run.sent),
        str(run.stuck),
        str(run.again),
        str(run.twice),
        str(run.restarts),
        _seconds(run.seconds),
        _seconds(run.back),
    ]


def _poison_cells(run: Run) -> list[str]:
    ran = f"{run.poison_runs} times" + ("" if run.poison_over else ", goes on")
    return [
        _of(run.lost, run.sent),
        str(run.stuck),
        str(run.again),
        str(run.restarts),
        _seconds(run.seconds),
        ran,
    ]


def _of(count: int, all_of_them: int) -> str:
    return f"{count} of {all_of_them}"


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"
