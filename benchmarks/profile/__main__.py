"""Prints where the time of one task goes, for the running side and for the calling side."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from asynq.cli.loop import loop_factory
from benchmarks.profile.apart import say_errors_alone
from benchmarks.profile.measuring import profile
from benchmarks.profile.scenes import SCENES
from benchmarks.profile.tables import show
from benchmarks.server import private_server


def main() -> None:
    say_errors_alone()
    options = _options()
    console = Console()
    loop = asyncio.new_event_loop if options.loop == "asyncio" else loop_factory()
    profiles = []
    with private_server() as (url, server):
        console.print(f"{server} · Python {platform.python_version()} · {options.loop}")
        for scene in SCENES:
            if scene.name not in options.scenes:
                continue
            count = max(2_000, int(scene.count * options.scale))
            found = profile(scene, url, rounds=options.rounds, count=count, loop=loop)
            show(console, found, top=options.top)
            profiles.append(found)
    if options.json is not None:
        figures = [{**asdict(each), "rooms": [*map(asdict, each.rooms)]} for each in profiles]
        options.json.write_text(json.dumps(figures, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    names = [scene.name for scene in SCENES]
    parser.add_argument("scenes", nargs="*", default=names, help=f"of {', '.join(names)}")
    parser.add_argument("--top", type=int, default=30, help="how many functions are shown")
    parser.add_argument("--rounds", type=int, default=3, help="the fastest one counts")
    parser.add_argument("--scale", type=float, default=1.0, help="0.2 for a quick look")
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    parser.add_argument("--json", type=Path, help="write all of it to this file")
    options = parser.parse_args()
    if unknown := set(options.scenes) - set(names):
        parser.error(f"no such scene: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
