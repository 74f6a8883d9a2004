"""`make soak`: hours of mixed load, and whether anything grows that should not.

    python -m tests.chaos.soak --seconds 3600 --server both

Workers are not restarted meanwhile; connections are closed and wires slowed down now and then
(`--quiet`: nothing is). Results are kept for half a minute, so that the server has a level to stay
at. What every process holds is written down as it goes (memory, threads, file descriptors, asyncio
tasks), and compared when everything is idle: after the first tasks, and at the end. Exits with 1
when something grew, was lost, ended twice, or was left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import uvloop

from asynq import Asynq
from tests.chaos.campaign import Campaign, Plan
from tests.chaos.checks import Checks
from tests.chaos.crew import Crew
from tests.chaos.fleet import Fleet
from tests.chaos.load import DEADLY, SHARES, WORKFLOWS, Load
from tests.chaos.nemesis import Nemesis
from tests.chaos.report import cells, markdown
from tests.proxy import Proxy
from tests.servers import KINDS, PrivateServer

WARM_UP: Final = 20.0
"""Seconds of load before the first measure."""
KEPT: Final = 30.0
"""Seconds that results and revocations are kept (`tests.chaos.tasks`, by $CHAOS_KEPT)."""
EVERY: Final = 5.0
"""Seconds between two looks."""
MIB_AN_HOUR: Final = 6.0
"""Growth of a process that is taken for none: what an allocator's fragments make of hours."""
SHORTEST: Final = 1500.0
"""Seconds under which a slope is only shown: until then, the trail itself grows to its cap."""
FAULTS: Final = ("close connections", "forget the scripts", "slow a wire down", "cut a wire")


class Look(NamedTuple):
    """What a process holds."""

    at: float
    mib: float
    threads: int
    files: int


class Idle(NamedTuple):
    """What all hold when there is nothing to do."""

    threads: int
    files: int
    asyncio_tasks: int
    connections: int


class Soak:
    """One server's.

    Args:
        kind: Of the server.
        seconds: Of load.
        directory: Where everything is written; short, and empty.
        quiet: No faults.
        rate: Tasks a second.
        seed: Decides about tasks and faults.
    """

    def __init__(
        self, kind: str, seconds: float, directory: Path, *, quiet: bool, rate: float, seed: int
    ) -> None:
        self.server = PrivateServer(
            kind, directory / "server", durable=True, config={"appendfsync": "everysec"}
        )
        self.fleet = Fleet(self.server, "soak", directory)
        self.fleet.more["CHAOS_KEPT"] = str(KEPT)
        self.checks = Checks(self.fleet)
        self.seconds = seconds
        self._directory = directory
        self._quiet = quiet
        self._rate = rate
        self._seed = seed
        self.looks: dict[str, list[Look]] = {}
        self.faults: list[str] = []
        """What must not be."""

    async def run(self) -> list[list[str]]:
        """Do it; returns the rows of the table."""
        with self.server:
            try:
                async with AsyncExitStack() as stack:
                    return await self._run(stack)
            finally:
                self.fleet.close()

    async def _run(self, stack: AsyncExitStack) -> list[list[str]]:
        wires = [
            await stack.enter_async_context(Proxy(self.server, self._directory, f"w{number}"))
            for number in range(3)
        ]
        app = await stack.enter_async_context(
            Asynq(
                "soak",
                broker=wires[-1].url,
                task_default_queue="chaos",
                result_expires=KEPT,
                task_revoke_expires=KEPT,
            )
        )
        rng = random.Random(self._seed)
        crew = Crew(self.fleet, wires[:-1], rng, "-c", "10", "--threads", "4")
        await crew.start()
        load = Load(app, self.fleet.ledger, rng, rate=self._rate, only=SHARES.keys() - DEADLY)
        following = asyncio.ensure_future(self._follow())
        try:
            await load.run(WARM_UP)
            await self._fill_pools(app)
            before = await self._idle(app)
            looking = asyncio.ensure_future(self._look_on())
            nemesis = Nemesis(self.server, crew, wires, rng, only=FAULTS, pauses=(5.0, 15.0))
            strikes = asyncio.sleep(0) if self._quiet else nemesis.run(self.seconds)
            await asyncio.gather(load.run(self.seconds), strikes)
            looking.cancel()
            after = await self._idle(app)
        finally:
            following.cancel()
            await asyncio.wait([following])
        self._judge(before, after, crew)
        return self._rows(before, after)

    async def _fill_pools(self, app: Asynq) -> None:
        """Threads are started when they are first needed, which must not look like a leak; child
        processes as well."""
        for task in 3 * ["threaded", "in_child"]:
            name = f"tests.chaos.tasks.{task}"
            await asyncio.gather(*(app.send_task(name, (0.3,)).get() for _ in range(20)))

    async def _follow(self) -> None:
        while True:
            await asyncio.to_thread(self.checks.trail.follow)
            await asyncio.sleep(0.5)

    async def _look_on(self) -> None:
        while True:
            for name, pid in self._processes():
                self.looks.setdefault(name, []).append(look_at(pid))
            await asyncio.sleep(EVERY)

    def _processes(self) -> list[tuple[str, int]]:
        workers = [(f"worker {number}", each.pid) for number, each in enumerate(self.fleet.alive)]
        return [*workers, (self.server.label, self.server.pid)]

    async def _idle(self, app: Asynq) -> Idle:
        """Wait until all has ended, and what is kept for a while is gone; then look."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            book = await asyncio.to_thread(self.fleet.ledger.read)
            if not book.sent.keys() - book.accepted.keys():
                break
            await asyncio.sleep(1.0)
        await asyncio.sleep(KEPT / 6)
        counts = await self._asyncio_tasks(app)
        looks = [look_at(worker.pid) for worker in self.fleet.alive]
        clients = self.server.command("INFO", "clients").decode()
        return Idle(
            threads=sum(look.threads for look in looks),
            files=sum(look.files for look in looks),
            asyncio_tasks=counts,
            connections=int(clients.split("connected_clients:")[1].split()[0]),
        )

    async def _asyncio_tasks(self, app: Asynq) -> int:
        """Of all workers, by their own count."""
        found: dict[int, int] = {}
        while len(found) < len(self.fleet.alive):
            calls = [app.send_task("tests.chaos.tasks.count").get(timeout=30) for _ in range(10)]
            for pid, count in await asyncio.gather(*calls):
                found[pid] = min(count, found.get(pid, count))
        return sum(found.values())

    def _judge(self, before: Idle, after: Idle, crew: Crew) -> None:
        book = self.fleet.ledger.read()
        if lost := book.sent.keys() - book.accepted.keys():
            self.faults.append(f"{len(lost)} lost: {sorted(lost)[:5]}")
        if book.completed_twice:
            self.faults.append(f"{len(book.completed_twice)} ended twice")
        for what, was, is_now in zip(Idle._fields, before, after, strict=True):
            if is_now > was + 2:  # a thread of a pool that was not needed before
                self.faults.append(f"{what} grew from {was} to {is_now}")
        if self.seconds >= SHORTEST:
            for name, looks in self.looks.items():
                if slope(looks) > MIB_AN_HOUR:
                    self.faults.append(f"{name} grows by {slope(looks):.1f} MiB an hour")
        self.faults += [f"left behind: {what}" for what in self.checks.left_behind()]
        if crew.crashed or len(self.fleet.started) > crew.size:
            self.faults.append("a worker has ended")

    def _rows(self, before: Idle, after: Idle) -> list[list[str]]:
        book = self.fleet.ledger.read()
        rows = []
        for name, looks in self.looks.items():
            sizes = [look.mib for look in looks]
            rows.append(
                [
                    name,
                    f"{sizes[0]:.1f} → {sizes[-1]:.1f}, at most {max(sizes):.1f}",
                    f"{slope(looks):+.2f}",
                    f"{looks[0].threads} → {looks[-1].threads}",
                    f"{looks[0].files} → {looks[-1].files}",
                ]
            )
        grown = [
            f"{what.replace('_', ' ')} {was} → {is_now}"
            for what, was, is_now in zip(Idle._fields, before, after, strict=True)
        ]
        print(f"  {len(book.sent):,} tasks, {len(book.starts):,} executions", flush=True)
        print(f"  idle: {', '.join(grown)}", flush=True)
        return rows


def look_at(pid: int) -> Look:
    """What a process holds now."""
    place = Path(f"/proc/{pid}")
    told = dict(
        line.split(":", 1) for line in (place / "status").read_text().splitlines() if ":" in line
    )
    return Look(
        at=time.monotonic(),
        mib=int(told["VmRSS"].split()[0]) / 1024,
        threads=int(told["Threads"]),
        files=len(list((place / "fd").iterdir())),
    )


def slope(looks: Sequence[Look]) -> float:
    """By how many MiB an hour a process grows, in the second half of its looks."""
    half = looks[len(looks) // 2 :]
    if len(half) < 2:
        return 0.0
    line = statistics.linear_regression([look.at for look in half], [look.mib for look in half])
    return line.slope * 3600


def main(words: Sequence[str] | None = None) -> int:
    """Soak each server; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="of load, on each server")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--server", choices=[*sorted(KINDS), "both"], default="both")
    parser.add_argument("--rate", type=float, default=25.0, help="tasks a second")
    parser.add_argument("--quiet", action="store_true", help="no faults")
    asked = parser.parse_args(words)
    kinds = sorted(KINDS) if asked.server == "both" else [asked.server]
    faults = [_soak(kind, asked) for kind in kinds]  # each of them, whatever the first one says
    return int(any(faults))


def _soak(kind: str, asked: argparse.Namespace) -> list[str]:
    directory = Path(tempfile.mkdtemp(prefix="aq-soak-"))
    print(f"{kind}: {asked.seconds:.0f} s, seed {asked.seed}, in {directory}", flush=True)
    soak = Soak(
        *(kind, asked.seconds, directory), quiet=asked.quiet, rate=asked.rate, seed=asked.seed
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = runner.run(soak.run())
    print(markdown(rows, ["process", "MiB", "MiB an hour", "threads", "files"]), flush=True)
    for fault in soak.faults:
        print(f"  FAULT: {fault}", flush=True)
    if not soak.faults:
        shutil.rmtree(directory, ignore_errors=True)
    return soak.faults + _everysec(kind, asked)


def _everysec(kind: str, asked: argparse.Namespace) -> list[str]:
    """T10b: a server that syncs once a second may forget its last two when it is killed."""
    directory = Path(tempfile.mkdtemp(prefix="aq-soak-"))
    plan = Plan(
        kind=kind,
        seconds=min(60.0, asked.seconds),
        seed=asked.seed,
        rate=asked.rate,
        fsync="everysec",
        only=SHARES.keys() - DEADLY - WORKFLOWS,  # a lost second may lose all of a long chain
        faults=("kill -9 the server",),
        pauses=(4.0, 8.0),
    )
    campaign = Campaign(plan, directory, say=lambda _: None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(campaign.run())
    shutil.rmtree(directory, ignore_errors=True)
    print(markdown([cells(outcome)]), flush=True)
    forgotten = 2.0 * asked.rate * max(1, outcome.struck.total())
    if len(outcome.tally.lost) + len(outcome.tally.completed_twice) > forgotten:
        return [f"everysec: {outcome.faults}"]
    return []


if __name__ == "__main__":
    sys.exit(main())
