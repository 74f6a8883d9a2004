"""Measures chains, groups and chords of asynq and of Celery, side by side.

    python -m benchmarks.canvas                           # all: some 20 minutes
    python -m benchmarks.canvas --scale 0.1 --rounds 1    # a look: a tenth of all counts
    python -m benchmarks.canvas --shapes chord,chords --rounds 5
    python -m benchmarks.canvas --json runs.json --page docs/performance.md

Each run has a fresh server and processes of its own; round by round and shape by shape, the systems
take their turn. One that does not finish within the limit, or takes more than 3 GB, is not tried
again, and neither are larger ones of its kind. Celery's environment is made once, in the user's
cache.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks import page
from benchmarks.canvas import tables
from benchmarks.canvas.play import play
from benchmarks.canvas.shapes import GROWTH, MAIN, SHAPES
from benchmarks.environments import cache, interpreter, versions
from benchmarks.own import OWN
from benchmarks.peers import PEERS
from benchmarks.results import Results, Run
from benchmarks.scene import Scene, SceneError
from benchmarks.server import KIND
from benchmarks.system import System
from tests.servers import KINDS, version

MARKS = "workflows"


def _with_canvas(system: System, *only: str) -> System:
    """The same system, with the module that has the tasks of workflows; asked for those only."""
    apps = {f"benchmarks.systems.{system.module}": f"benchmarks.systems.{system.module}_canvas"}
    worker = tuple(apps.get(word, word) for word in system.worker)
    return replace(system, module=f"{system.module}_canvas", worker=worker, only=frozenset(only))


_OLDER = replace(
    PEERS["celery-prefork"],
    name="celery-5.6.2",
    home="celery-5.6.2",
    install=("celery[redis]==5.6.2", "hiredis"),
)
"""A release in which each message of a chord carried all that comes after it."""

SYSTEMS = {
    system.name: system
    for system in (
        _with_canvas(OWN["asynq"]),
        _with_canvas(PEERS["celery-prefork"]),
        _with_canvas(PEERS["celery-threads"]),
        _with_canvas(_OLDER, *(name for name in GROWTH if GROWTH[name].family == "chords")),
    )
}
USUAL = "asynq,celery-prefork,celery-5.6.2"


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no worker is left behind
    options = _options()
    results = Results.load(options.show) if options.show else _measure(options)
    names = [name for name in SYSTEMS if name in results.versions]
    found = tables.every(results, names)
    results.about["rounds"] = rounds(results)
    console = Console(width=None if sys.stdout.isatty() else 220)
    console.print(" · ".join(results.about.values()))
    for table in found:
        console.print(table.rich())
    if options.page:
        page.put(options.page, _text(results, names, found), MARKS)


def _measure(options: argparse.Namespace) -> Results:
    results = Results(about=_about(options))
    pythons = {name: interpreter(SYSTEMS[name], options.cache) for name in options.systems}
    for name, python in pythons.items():
        results.versions[name] = versions(SYSTEMS[name], python)
    for number in range(1, options.rounds + 1):
        for shape in options.shapes:
            for name in _in_turn(options.systems, number):
                if not SYSTEMS[name].takes(shape):
                    continue
                if problem := gave_up(results, name, shape):
                    results.runs.append(Run(number, name, shape, problem=problem))
                else:
                    results.runs.append(_play(name, pythons[name], shape, number, options))
            if options.json:
                results.save(options.json)
    return results


def _in_turn(systems: list[str], number: int) -> list[str]:
    at = number % len(systems)
    return systems[at:] + systems[:at]


def gave_up(results: Results, system: str, name: str) -> str:
    """Why that one is not tried; nothing where it is."""
    shape = SHAPES[name]
    for run in results.runs:
        before = SHAPES[run.workload]
        same = run.workload == name or (
            bool(shape.family) and before.family == shape.family and before.size < shape.size
        )
        if run.system == system and run.problem and same:
            return "not tried again" if run.workload == name else f"not tried, as {run.workload}"
    return ""


def _play(name: str, python: Path, shape: str, number: int, options: argparse.Namespace) -> Run:
    try:
        figures = _one(name, python, shape, options)
        if number == 1 and shape in MAIN:  # a count is the same in each round
            figures["sent"] = _one(name, python, shape, options, watched=True)["sent"]
        run = Run(number, name, shape, figures)
    except SceneError as error:
        run = Run(number, name, shape, problem=str(error))
    outcome = run.problem or f"{run.figures['rate']:,.0f} tasks a second"
    _say(f"round {number} · {shape} · {name}: {outcome}")
    return run


def _one(
    name: str, python: Path, shape: str, options: argparse.Namespace, *, watched: bool = False
) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="asynq-bench-") as temporary:
        directory = Path(temporary)
        if options.keep:
            directory = options.keep / f"{shape}-{name}-{time.monotonic_ns()}"
            directory.mkdir(parents=True)
        with Scene(SYSTEMS[name], python, directory, options.scale, options.server) as scene:
            return play(scene, SHAPES[shape], limit=options.limit, watched=watched)


def _text(results: Results, names: list[str], found: list[tables.Table]) -> str:
    """For the page: the tables, the versions, and how each system is set up."""
    told = "\n".join(
        f"- **{name}**: {', '.join(' '.join(pair) for pair in results.versions[name].items())}"
        for name in names
    )
    setting = dict.fromkeys(SYSTEMS[name].configuration for name in names)
    about = " · ".join(results.about.values())
    return "\n\n".join([about, *(table.markdown().strip() for table in found), told, *setting])


def _about(options: argparse.Namespace) -> dict[str, str]:
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "server": f"{options.server}-server {version(options.server)}, memory only, loopback",
        "python": f"Python {platform.python_version()}",
        "machine": f"{os.cpu_count()} cores, shared with the server",
        "load": f"load {os.getloadavg()[0]:.1f} when it began",
        "rounds": "",
        "scale": "counts of the full form" if options.scale == 1 else f"scale {options.scale:g}",
        "limit": f"at most {options.limit:g} s a run",
    }


def rounds(results: Results) -> str:
    """How many of them the medians are of; a run that was broken off has fewer of some shapes."""
    played = Counter((run.workload, run.system) for run in results.runs).values()
    least, most = min(played, default=0), max(played, default=0)
    if least != most:
        return f"medians of {least} to {most} rounds"
    return "one round" if most == 1 else f"medians of {most} rounds"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.canvas",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--systems", default=USUAL, help="with commas: " + ", ".join(SYSTEMS))
    parser.add_argument("--shapes", default=",".join(SHAPES), help="with commas; all of them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of how many workflows there are")
    parser.add_argument("--limit", type=float, default=90.0, help="seconds for one run")
    parser.add_argument("--server", default=KIND, choices=KINDS, help="which of those here")
    parser.add_argument("--json", type=Path, help="keep all figures there")
    parser.add_argument("--show", type=Path, help="measure nothing, show what such a file has")
    parser.add_argument("--page", type=Path, help="put the tables into this page")
    parser.add_argument("--keep", type=Path, help="keep logs below this directory")
    parser.add_argument("--cache", type=Path, default=cache(), help="the peers' environments")
    options = parser.parse_args()
    for option, known in (("systems", SYSTEMS), ("shapes", SHAPES)):
        names = [name for name in getattr(options, option).split(",") if name]
        if unknown := [name for name in names if name not in known]:
            parser.error(f"--{option}: no {', '.join(unknown)}; there are {', '.join(known)}")
        setattr(options, option, names)
    return options


if __name__ == "__main__":
    main()
