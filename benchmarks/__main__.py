"""Runs every workload on asynq and on the floor in turn, several rounds, and prints medians."""

from __future__ import annotations

import argparse
import asyncio
import platform
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

from asynq.cli.loop import loop_factory
from benchmarks import floor, workloads
from benchmarks.server import private_server

RATES = [
    ("enqueue, one by one", workloads.enqueue_one_by_one, floor.enqueue_one_by_one, 2_000),
    ("enqueue, concurrently", workloads.enqueue_concurrently, floor.enqueue_concurrently, 20_000),
    ("drain no-op, one worker", workloads.drain, floor.drain, 20_000),
    ("drain 50 ms sleeps, 500 slots", workloads.drain_naps, None, 10_000),
]

console = Console()


def run(work):
    """In a fresh loop each time, so that nothing is warm from the run before."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a quick look")
    options = parser.parse_args()
    with private_server() as (url, server):
        console.print(
            f"{server}, memory only, Unix socket · Python {platform.python_version()} · "
            f"{'uvloop' if loop_factory() else 'asyncio'} · {options.rounds} rounds, interleaved"
        )
        table = Table("workload", "asynq", "floor", "ratio", "spread of asynq", title="per second")
        for name, ours, theirs, count in RATES:
            count = max(2_000, int(count * options.scale))
            pairs = [
                (run(ours(url, count)), run(theirs(url, count)) if theirs else 0.0)
                for _ in range(options.rounds)
            ]
            _row(table, name, pairs)
        console.print(table)
        times = Table("idle round trip", "p50", "p95", "p99", title="milliseconds")
        for name, work in (("asynq", workloads.round_trips), ("floor", floor.round_trips)):
            seconds = [
                second
                for _ in range(options.rounds)
                for second in run(work(url, max(200, int(500 * options.scale))))
            ]
            cuts = quantiles(seconds, n=100)
            times.add_row(name, *(f"{cuts[at] * 1000:.2f}" for at in (49, 94, 98)))
        console.print(times)


def _row(table: Table, name: str, pairs: list[tuple[float, float]]) -> None:
    ours = [pair[0] for pair in pairs]
    theirs = [pair[1] for pair in pairs]
    ratio = f"{median(a / b for a, b in pairs):.2f}" if all(theirs) else ""
    table.add_row(
        name,
        f"{median(ours):,.0f}",
        f"{median(theirs):,.0f}" if all(theirs) else "",
        ratio,
        f"{min(ours):,.0f} … {max(ours):,.0f}",
    )


if __name__ == "__main__":
    main()
