"""Runs asynq and its peers under the same faults, and prints what became of their tasks.

    python -m benchmarks.reliability                                # all: about 25 minutes
    python -m benchmarks.reliability --peers asynq,celery --faults T1,T10
    python -m benchmarks.reliability --json runs.json --page docs/reliability.md

A file named by --json keeps what earlier runs found of other peers and faults.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from benchmarks import page
from benchmarks.environments import cache, interpreter, versions
from benchmarks.reliability import table
from benchmarks.reliability.faults import FAULTS, Fault
from benchmarks.reliability.peers import PEERS, Peer
from benchmarks.reliability.run import Run
from benchmarks.reliability.scene import Scene, SceneError
from benchmarks.reliability.table import Results
from tests.servers import version

LONGEST_RUN = 300.0


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no worker is left behind
    options = _options()
    results = table.load(options.json)
    results.about.update(_about())
    for name in options.peers:
        python = interpreter(PEERS[name], options.cache)
        results.versions[name] = versions(PEERS[name], python)
        for number in options.faults:
            run = asyncio.run(_play(PEERS[name], python, number, options.keep))
            results.runs[name, number] = run
            if options.json:
                table.save(results, options.json)
    figures = _figures(results)
    print(figures)
    if options.page:
        page.put(options.page, figures)


async def _play(peer: Peer, python: Path, number: str, keep: Path | None) -> Run:
    began = time.monotonic()
    fault = FAULTS[number]
    with tempfile.TemporaryDirectory(prefix="reliability-") as temporary:
        directory = keep / f"{peer.name}-{number}-{time.time():.0f}" if keep else Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        try:
            async with asyncio.timeout(LONGEST_RUN):
                run = await _inflict(peer, python, fault, directory)
        except (SceneError, TimeoutError) as error:
            run = Run(peer.name, number, problem=str(error) or "it took too long")
    took = time.monotonic() - began
    run = replace(run, fault=number)
    print(f"{took:6.1f} s  {run}", file=sys.stderr, flush=True)
    return run


async def _inflict(peer: Peer, python: Path, fault: Fault, directory: Path) -> Run:
    async with Scene(peer, python, directory, lease=fault.lease) as scene:
        return await fault.inflict(scene)


def _figures(results: Results) -> str:
    peers = [name for name in PEERS if name in results.versions]
    about = " · ".join(results.about.values())
    meanings = {number: fault.meaning for number, fault in FAULTS.items()}
    return (
        f"{about}\n\n{table.versions(results, peers)}\n{table.markdown(results, peers, meanings)}\n"
        f"## How each is set up\n\n{_configurations(peers)}\n"
    )


def _configurations(peers: Iterable[str]) -> str:
    """How each of them is set up, as its module here says."""
    return "\n\n".join(PEERS[peer].configuration for peer in peers)


def _about() -> dict[str, str]:
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "server": f"redis-server {version('redis')}, appendfsync always, loopback",
        "python": f"Python {platform.python_version()}",
        "machine": f"{os.cpu_count()} cores, shared",
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--peers", default=",".join(PEERS), help="names, with commas")
    parser.add_argument("--faults", default=",".join(FAULTS), help="numbers, with commas")
    parser.add_argument("--json", type=Path, help="keep all figures there")
    parser.add_argument("--page", type=Path, help="put the figures into this page")
    parser.add_argument("--keep", type=Path, help="keep logs and ledgers below this directory")
    parser.add_argument("--cache", type=Path, default=cache(), help="the peers' environments")
    options = parser.parse_args()
    for name, known in (("peers", PEERS), ("faults", FAULTS)):
        words = [word for word in getattr(options, name).split(",") if word]
        if unknown := [word for word in words if word not in known]:
            parser.error(f"--{name}: no {', '.join(unknown)}; there are {', '.join(known)}")
        setattr(options, name, words)
    return options


if __name__ == "__main__":
    main()
