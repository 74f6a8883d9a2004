"""All that was measured, in a file, and what can be said of it: medians, ratios, spread."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Run:
    """One workload of one system in one round."""

    round: int
    system: str
    workload: str
    figures: dict[str, Any] = field(default_factory=dict)
    """Numbers by name; None where this machine can't tell."""
    problem: str = ""
    """Why it has no figures."""


@dataclass
class Results:
    """Of one run of the benchmarks: on what, of which versions, and every figure."""

    about: dict[str, str] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what `save()` wrote."""
        stored = json.loads(path.read_text())
        return cls(stored["about"], stored["versions"], [Run(**run) for run in stored["runs"]])

    def save(self, path: Path) -> None:
        """Write all of it to that file."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False) + "\n")

    def systems(self, workload: str, order: Iterable[str]) -> list[str]:
        """Who was asked for that workload."""
        asked = {run.system for run in self.runs if run.workload == workload}
        return [name for name in order if name in asked]

    def rounds(self, system: str, workload: str, key: str) -> dict[int, float]:
        """That figure in each round that has one."""
        return {
            run.round: run.figures[key]
            for run in self.runs
            if (run.system, run.workload) == (system, workload) and run.figures.get(key) is not None
        }

    def middle(self, system: str, workload: str, key: str) -> float | None:
        """The median of the rounds."""
        values = self.rounds(system, workload, key).values()
        return median(values) if values else None

    def spread(self, system: str, workload: str, key: str) -> tuple[float, float] | None:
        """The least and the most of the rounds."""
        values = self.rounds(system, workload, key).values()
        return (min(values), max(values)) if values else None

    def ratio(self, system: str, base: str, workload: str, key: str) -> float | None:
        """The median of the ratios of rounds that both of them have."""
        ours = self.rounds(system, workload, key)
        theirs = self.rounds(base, workload, key)
        ratios = [ours[number] / theirs[number] for number in ours if theirs.get(number)]
        return median(ratios) if ratios else None

    def problems(self, workload: str) -> list[Run]:
        """Runs of that workload that have no figures."""
        return [run for run in self.runs if run.workload == workload and run.problem]
