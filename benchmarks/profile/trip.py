"""Shows when in a round trip what happens: from a call to its result, with a worker that is idle.

    python -m benchmarks.profile.trip

One call is made at a time. MONITOR tells when the server begins with each command; the clock is the
same one. It costs the server a little for each line, so the whole is longer than an unwatched trip.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from asynq.cli.loop import loop_factory
from benchmarks.profile.apart import apart, plain_app, say_errors_alone
from benchmarks.profile.measuring import script_names
from benchmarks.server import private_server

WARM = 300
USUAL = 0.5
"""What happens in fewer of the trips than this is left out."""
MICRO = 1e6

LINE = re.compile(rb"\+([\d.]+) \[\d+ ([^\]]*)\] \"([^\"]*)\"(?: \"([^\"]*)\")?")


@dataclass(frozen=True)
class Trip:
    """When a call was made and when its result was there, in Unix seconds."""

    began: float
    ended: float


@dataclass(frozen=True)
class Seen:
    """A command that the server began."""

    at: float
    name: str
    is_inside: bool
    """A script executed it."""


@dataclass(frozen=True)
class Step:
    """Something that happens in most of the trips."""

    name: str
    is_inside: bool
    microseconds: float
    """After the call, the median."""
    often: float
    """In which part of the trips."""


def play(url: str, count: int) -> tuple[list[Trip], list[Seen]]:
    """Make that many trips, one at a time; what the server was asked meanwhile."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_trips(url, count))


async def _trips(url: str, count: int) -> tuple[list[Trip], list[Seen]]:
    app, noop = plain_app(url)
    trips = []
    async with app:
        with apart("worker", url):
            for number in range(WARM):
                await noop.delay(number).get(timeout=60)
            monitor = socket.socket(socket.AF_UNIX)
            monitor.connect(url.removeprefix("unix://"))
            monitor.sendall(b"MONITOR\r\n")
            monitor.recv(5)
            for number in range(count):
                began = time.time()
                await noop.delay(number).get(timeout=60)
                trips.append(Trip(began, time.time()))
            monitor.sendall(b"PING\r\n")  # answered after all that it has yet to tell
        with monitor, monitor.makefile("rb") as lines:
            return trips, [*_seen(lines)]


def _seen(lines: Iterable[bytes]) -> Iterator[Seen]:
    names = script_names()
    for line in lines:
        if line == b"+PONG\r\n":
            return
        if found := LINE.match(line):
            at, source, command, first = found.groups()
            name = command.decode().lower()
            if name == "evalsha":
                name = names.get(first.decode(), name)
            yield Seen(float(at), name, source == b"lua")


def steps(trips: Iterable[Trip], seen: Iterable[Seen]) -> list[Step]:
    """What happens in most trips, in its order; the same command again is a step of its own."""
    rest = iter(sorted(seen, key=lambda each: each.at))
    after: defaultdict[tuple[str, bool, int], list[float]] = defaultdict(list)
    whole = []
    here = next(rest, None)
    for trip in trips:
        again: Counter[tuple[str, bool]] = Counter()
        while here is not None and here.at < trip.ended:
            if here.at >= trip.began:
                again[here.name, here.is_inside] += 1
                key = here.name, here.is_inside, again[here.name, here.is_inside]
                after[key].append((here.at - trip.began) * MICRO)
            here = next(rest, None)
        whole.append((trip.ended - trip.began) * MICRO)
    found = [
        Step(name, inside, median(times), len(times) / len(whole))
        for (name, inside, _), times in after.items()
        if len(times) >= USUAL * len(whole)
    ]
    found.append(Step("the result is there", False, median(whole), 1.0))
    return sorted(found, key=lambda step: step.microseconds)


def table(found: list[Step], *, inside: bool) -> Table:
    """The steps, with the time since the one before."""
    table = Table("the server begins", title="A round trip", title_justify="left")
    for heading in ("µs after the call", "since the one before"):
        table.add_column(heading, justify="right")
    before = 0.0
    for step in found:
        if step.is_inside and not inside:
            continue
        name = f"  · {step.name}" if step.is_inside else step.name
        since = step.microseconds - before
        table.add_row(name, f"{step.microseconds:.0f}", f"{since:.0f}")
        before = step.microseconds
    return table


def main() -> None:
    say_errors_alone()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile.trip", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000, help="trips; medians are shown")
    parser.add_argument("--inside", action="store_true", help="what scripts execute, too")
    options = parser.parse_args()
    with private_server() as (url, server):
        trips, seen = play(url, options.count)
    console = Console()
    console.print(f"{server} · {options.count:,} round trips, one at a time")
    console.print(table(steps(trips, seen), inside=options.inside))


if __name__ == "__main__":
    main()
