"""What asynq is to reach, by figures of one run: its ratio to others, or its own figure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from benchmarks.results import Results
from benchmarks.system import System
from benchmarks.tables import ASYNQ, FLOOR, Table, is_own
from benchmarks.workload import Workload

STORING, ANY = "best peer that stores results", "best peer"
ITSELF = "itself"
ONE_PROCESS = "drain-1"


@dataclass(frozen=True)
class Target:
    """One of them.

    Args:
        workload: its name.
        base: whom asynq is compared with: a system, a kind of peer, or nobody.
        limit: at least so much where more is better, otherwise at most.
        key: the figure; the workload's first one where it is not named.
        system: asynq, or a variant of it.
    """

    workload: str
    base: str
    limit: float
    key: str = ""
    system: str = ASYNQ


TARGETS = (
    Target("drain-1", STORING, 8),
    Target("drain-1", "repid", 2.5),
    Target("drain-1", FLOOR, 0.5),
    Target("drain-2", ONE_PROCESS, 1.6),
    Target("naps-500", FLOOR, 0.8),
    Target("naps-500", STORING, 4),
    Target("enqueue-many", ANY, 3),
    Target("enqueue-many", FLOOR, 0.7),
    Target("enqueue-one", FLOOR, 0.8),
    Target("enqueue-one", ANY, 1, "cpu"),
    Target("latency", FLOOR, 1.5),
    Target("latency", ANY, 1),
    Target("clients-50", ANY, 2),
    Target("clients-50", FLOOR, 0.7),
    Target("commands", ITSELF, 0.2),
    Target("drain-1", ITSELF, 150, "queued"),
    Target("drain-1", ITSELF, 150, "result"),
    Target("idle", ITSELF, 45, "rss"),
    Target("idle", ITSELF, 1, "cpu"),
    Target("idle", ITSELF, 2, "sent"),
    Target("waiting", ITSELF, 1.2, "both-growth"),
    Target("drain-1", ASYNQ, 0.8, system="asynq-signed"),
    Target("drain-1", ASYNQ, 0.6, system="asynq-info"),
    Target("drain-1", ASYNQ, 0.85, system="asynq-events"),
)


def table(
    results: Results, workloads: Mapping[str, Workload], systems: Mapping[str, System]
) -> Table:
    """Each of them that this run can tell of: what was wanted, and what was found."""
    rows = []
    for target in TARGETS:
        workload = workloads.get(target.workload)
        found = None if workload is None else _found(results, target, workload, systems)
        if workload is None or found is None:
            continue
        column = workload.column(target.key)
        is_reached = (operator.ge if column.more_is_better else operator.le)(found, target.limit)
        wanted = f"{'≥' if column.more_is_better else '≤'} {target.limit:g}"
        title = f"{workload.title}, {column.heading}"
        beside = "" if target.base == ITSELF else target.base
        rows.append(
            (title, target.system, beside, wanted, f"{found:,.2f}", "yes" if is_reached else "no")
        )
    return Table("What is to be reached", ("", "", "to", "wanted", "found", "reached"), rows)


def _found(
    results: Results, target: Target, workload: Workload, systems: Mapping[str, System]
) -> float | None:
    key, name = workload.column(target.key).key, target.workload
    if target.base == ITSELF:
        return results.middle(target.system, name, key)
    if target.base == ONE_PROCESS:
        one, two = (results.middle(ASYNQ, each, key) for each in (ONE_PROCESS, name))
        return two / one if one and two else None
    if target.base not in (STORING, ANY):
        return results.ratio(target.system, target.base, name, key)
    peers = [
        system.name
        for system in systems.values()
        if not is_own(system.name) and (system.stores_results or target.base == ANY)
    ]
    ratios = [results.ratio(target.system, peer, name, key) for peer in peers]
    known = [ratio for ratio in ratios if ratio is not None]
    worst: Callable[[Iterable[float]], float] = (
        min if workload.column(target.key).more_is_better else max
    )
    return worst(known) if known else None
