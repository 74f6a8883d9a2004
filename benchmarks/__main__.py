"""Measures asynq, two floors and its peers side by side, and prints medians, ratios and spread.

    python -m benchmarks                                  # all: some 40 minutes
    python -m benchmarks --quick                          # a look, below 3 minutes
    python -m benchmarks --systems asynq,floor_a --workloads drain-1,latency --rounds 5
    python -m benchmarks --json runs.json --page docs/performance.md --plots docs/assets/performance

Each run has a fresh server and processes of its own; round by round and workload by workload, all
systems take their turn. The environment of each peer is made once, in the user's cache.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Iterable
from pathlib import Path

from rich.console import Console

from benchmarks import page, plots, tables, targets
from benchmarks.environments import cache, interpreter, versions
from benchmarks.own import OWN
from benchmarks.peers import PEERS
from benchmarks.results import Results, Run
from benchmarks.scene import Scene, SceneError
from benchmarks.server import KIND
from benchmarks.system import System
from benchmarks.workloads import WORKLOADS
from tests.servers import KINDS, version

SYSTEMS = {**OWN, **PEERS}
QUICK = ("asynq", "floor_a", "huey-thread", "saq", "dramatiq-gevent", "repid")
QUICK_SCALE = 0.25


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no worker is left behind
    options = _options()
    results = Results.load(options.show) if options.show else _measure(options)
    _show(results)
    if options.page:
        page.put(options.page, _text(results))
    if options.plots:
        _draw(results, options.plots)


def _measure(options: argparse.Namespace) -> Results:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is not compiled each time
    results = Results(about=_about(options))
    pythons = _install(options, results)
    for number in range(1, options.rounds + 1):
        for workload in options.workloads:
            for name in _in_turn(options.systems, number):
                if name in pythons and _takes(SYSTEMS[name], workload):
                    run = _play(SYSTEMS[name], pythons[name], workload, number, options)
                    results.runs.append(run)
            if options.json:
                results.save(options.json)
    return results


def _install(options: argparse.Namespace, results: Results) -> dict[str, Path]:
    """The interpreter of each system, of those that can be installed."""
    pythons = {}
    for name in options.systems:
        try:
            pythons[name] = interpreter(SYSTEMS[name], options.cache)
            results.versions[name] = versions(SYSTEMS[name], pythons[name])
        except subprocess.SubprocessError as error:
            _say(f"{name} is left out, it can't be installed: {error}")
            results.versions[name] = {}
    return pythons


def _in_turn(systems: list[str], number: int) -> list[str]:
    """Another one begins in each round, so that none always comes after the same one."""
    at = number % len(systems)
    return systems[at:] + systems[:at]


def _takes(system: System, name: str) -> bool:
    workload = WORKLOADS[name]
    has_results = system.stores_results or not workload.needs_results
    return (
        system.takes(name) and has_results and (not workload.only or system.name in workload.only)
    )


def _play(
    system: System, python: Path, workload: str, number: int, options: argparse.Namespace
) -> Run:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="asynq-bench-") as temporary:
        directory = Path(temporary)
        if options.keep:
            directory = options.keep / f"{workload}-{system.name}-{number}"
            directory.mkdir(parents=True, exist_ok=True)
        try:
            told = system.told(workload)
            with Scene(told, python, directory, options.scale, options.server) as scene:
                run = Run(number, system.name, workload, WORKLOADS[workload].run(scene))
        except SceneError as error:
            run = Run(number, system.name, workload, problem=str(error))
    column = WORKLOADS[workload].columns[0]
    outcome = run.problem or f"{run.figures[column.key]:,.{column.digits}f} {column.heading}"
    took = time.monotonic() - began
    _say(f"round {number} · {workload} · {system.name}: {outcome} ({took:.1f} s)")
    return run


def _show(results: Results) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(" · ".join(results.about.values()))
    for table in _tables(results):
        console.print(table.rich())


def _tables(results: Results) -> list[tables.Table]:
    found = [
        tables.summary(results, WORKLOADS, SYSTEMS),
        targets.table(results, WORKLOADS, SYSTEMS),
        tables.variants(results, WORKLOADS),
        *(tables.table(results, name, WORKLOADS[name], SYSTEMS) for name in WORKLOADS),
    ]
    return [table for table in found if table.rows]


def _draw(results: Results, directory: Path) -> None:
    try:
        plots.draw(results, directory)
    except plots.NoMatplotlibError as error:
        _say(str(error))


def _text(results: Results) -> str:
    """For the page: the tables, the versions, and how each system is set up."""
    names = [name for name in SYSTEMS if name in results.versions]
    parts = [
        " · ".join(results.about.values()),
        *(table.markdown() for table in _tables(results)),
        "### Versions",
        "\n".join(f"- **{name}**: {_versions(results, name)}" for name in names),
        "### How each is set up",
        *dict.fromkeys(SYSTEMS[name].configuration for name in names),
    ]
    return "\n\n".join(part.strip() for part in parts)


def _versions(results: Results, name: str) -> str:
    found = results.versions[name].items()
    return ", ".join(f"{part} {number}" for part, number in found) or "could not be installed"


def _about(options: argparse.Namespace) -> dict[str, str]:
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "server": f"{options.server}-server {version(options.server)}, memory only, loopback",
        "python": f"Python {platform.python_version()}",
        "machine": f"{os.cpu_count()} cores, shared with the server",
        "rounds": "one round" if options.rounds == 1 else f"medians of {options.rounds} rounds",
        "scale": "counts of the full form" if options.scale == 1 else f"scale {options.scale:g}",
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--systems", help="names, with commas: " + ", ".join(SYSTEMS))
    parser.add_argument("--workloads", help="names, with commas: " + ", ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, help="3; 1 where it is quick")
    parser.add_argument("--quick", action="store_true", help="fewer of all of them")
    parser.add_argument("--scale", type=float, help="of all counts: 1; 0.25 where it is quick")
    parser.add_argument("--server", default=KIND, choices=KINDS, help="which of those here")
    parser.add_argument("--json", type=Path, help="keep all figures there")
    parser.add_argument("--show", type=Path, help="measure nothing, show what such a file has")
    parser.add_argument("--page", type=Path, help="put the tables into this page")
    parser.add_argument("--plots", type=Path, help="draw pictures into this directory")
    parser.add_argument("--keep", type=Path, help="keep logs below this directory")
    parser.add_argument("--cache", type=Path, default=cache(), help="the peers' environments")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.scale = options.scale or (QUICK_SCALE if options.quick else 1.0)
    quick = [name for name, workload in WORKLOADS.items() if workload.quick]
    options.systems = _names(
        parser, "systems", options.systems, SYSTEMS, QUICK if options.quick else SYSTEMS
    )
    options.workloads = _names(
        parser, "workloads", options.workloads, WORKLOADS, quick if options.quick else WORKLOADS
    )
    return options


def _names(
    parser: argparse.ArgumentParser,
    option: str,
    words: str | None,
    known: Container[str],
    default: Iterable[str],
) -> list[str]:
    names = [word for word in words.split(",") if word] if words else [*default]
    if unknown := [name for name in names if name not in known]:
        parser.error(f"--{option}: no {', '.join(unknown)}; see --help")
    return names


if __name__ == "__main__":
    main()
