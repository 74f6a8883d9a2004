"""`make beats`: three beats whose clocks are wrong, killed and frozen at random, and their slots.

    python -m tests.chaos.beats --seconds 600 --server both --seed 7

Entries of one second each; every slot must be fired exactly once. What was fired is read from the
server's own stream; which slots there were follows from the entries' anchors. Exits with 1 unless
all slots were fired, none twice, none early, and nothing else was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from asynq._redis.keys import Keys
from asynq.periodic.firing import slot_id
from tests.integration.workers import ROOT
from tests.servers import KINDS, PrivateServer
from tests.waiting import until

SKEWS = (-3.0, 0.0, 3.0)
"""Seconds by which the clocks of the beats are wrong."""
PAUSE = (5.5, 9.0)
"""Seconds a beat stands still: longer than its lease."""
QUIET = (0.5, 3.0)
"""Seconds between two faults."""
ENTRIES = [f"every-second-{number}" for number in range(3)]
SECOND = 1000


class BeatProcess:
    """`asynq -A tests.chaos.periodic beat`, on a machine whose clock is wrong."""

    def __init__(self, server: PrivateServer, namespace: str, output: Path, skew: float) -> None:
        self.output = output
        environment = {
            "ASYNQ_BROKER_URL": server.url,
            "TEST_NAMESPACE": namespace,
            "CHAOS_SKEW": str(skew),
        }
        command = [sys.executable, "-m", "tests.chaos.skewed", "-A", "tests.chaos.periodic", "beat"]
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [*command, "-l", "INFO"],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def leads(self) -> bool:
        """It had the lease when it last said something of it."""
        return self.said.rfind("I fire first now") > self.said.rfind("Another fires first")

    @property
    def fired(self) -> int:
        return self.said.count("Scheduler: Sending due task")

    async def ready(self) -> BeatProcess:
        await until(lambda: "beat ready." in self.said or not self.alive, within=60)
        assert self.alive, self.said
        return self

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Tally:
    """What became of the slots."""

    slots: int = 0
    missing: int = 0
    twice: int = 0
    early: int = 0
    strange: int = 0
    """Messages that are no slot's."""
    lateness: list[int] = field(default_factory=list)
    """Of each, in milliseconds, by the server's clock."""

    @property
    def faults(self) -> int:
        return self.missing + self.twice + self.early + self.strange

    def __str__(self) -> str:
        late = sorted(self.lateness) or [0]
        return (
            f"{self.slots} slots: {self.missing} missing, {self.twice} twice, {self.early} early, "
            f"{self.strange} strange; late by {median(late):.0f} ms (median), "
            f"{late[len(late) * 99 // 100]} (99 %), {late[-1]} (the most)"
        )


class Stage:
    """A server, and beats on it."""

    def __init__(
        self, server: PrivateServer, namespace: str, directory: Path, chance: random.Random
    ) -> None:
        self.server = server
        self.namespace = namespace
        self.directory = directory
        self.chance = chance
        self.beats: list[BeatProcess] = []
        self.started: list[BeatProcess] = []
        self.kills = self.pauses = self.leaders_hit = 0

    async def begin(self) -> None:
        self.beats = [self._start(skew) for skew in SKEWS]
        for each in self.beats:
            await each.ready()

    async def torment(self, seconds: float) -> None:
        """One fault after the other; the others are alone meanwhile."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            place = self._pick()
            if self.chance.random() < 0.5:
                await self.kill(place, pause=self.chance.uniform(*QUIET))
            else:
                await self.freeze(place, self.chance.uniform(*PAUSE))
            await asyncio.sleep(self.chance.uniform(*QUIET))

    async def kill(self, place: int, *, pause: float) -> None:
        """Kill one, and start another in its place after a while."""
        self.beats[place].kill()
        self.kills += 1
        await asyncio.sleep(pause)
        self.beats[place] = await self._start(SKEWS[place]).ready()

    async def freeze(self, place: int, seconds: float) -> None:
        """Let one stand still."""
        beat = self.beats[place]
        beat.process.send_signal(signal.SIGSTOP)
        self.pauses += 1
        await asyncio.sleep(seconds)
        beat.process.send_signal(signal.SIGCONT)

    async def end(self) -> None:
        """Let all that is due be fired, and stop them warmly."""
        await asyncio.sleep(2.0)
        for each in self.beats:
            each.process.send_signal(signal.SIGTERM)
        for each in self.beats:
            await until(lambda each=each: not each.alive, within=60)
            assert each.process.returncode == 0, each.said

    def close(self) -> None:
        for each in self.started:
            each.kill()

    def tally(self) -> Tally:
        """All slots up to the last one that was fired, against what is in the queue."""
        keys = Keys(self.namespace)
        sent: Counter[str] = Counter()
        times: dict[str, int] = {}
        for entry, fields in self.server.command("XRANGE", keys.lane("slots", 0), "-", "+"):
            id = dict(zip(fields[::2], fields[1::2], strict=True))[b"i"].decode()
            sent[id] += 1
            times.setdefault(id, int(entry.split(b"-")[0]))
        tally = Tally()
        for name in ENTRIES:
            anchor, last = self.server.command("HMGET", keys.schedule(name), "a", "l")
            for slot in range(int(anchor) + SECOND, int(last) + 1, SECOND):
                id = slot_id(self.namespace, name, slot)
                tally.slots += 1
                count = sent.pop(id, 0)
                tally.missing += count == 0
                tally.twice += count > 1
                if count:
                    tally.lateness.append(times[id] - slot)
                    tally.early += times[id] < slot
        tally.strange = sum(sent.values())
        return tally

    def leaders(self) -> list[int]:
        """Who says that it fires first; one that stands still does not know better."""
        return [place for place, each in enumerate(self.beats) if each.leads]

    def _pick(self) -> int:
        """Whom the next fault strikes: who fires first, as often as all others."""
        leaders = self.leaders()
        if leaders and self.chance.random() < 0.5:
            self.leaders_hit += 1
            return self.chance.choice(leaders)
        return self.chance.randrange(len(self.beats))

    def _start(self, skew: float) -> BeatProcess:
        output = self.directory / f"beat-{len(self.started)}.log"
        self.started.append(BeatProcess(self.server, self.namespace, output, skew))
        return self.started[-1]


async def carry_out(stage: Stage, seconds: float, say: Callable[[str], None]) -> Tally:
    try:
        await stage.begin()
        await stage.torment(seconds)
        await stage.end()
        tally = stage.tally()
    finally:
        stage.close()
    fired = ", ".join(f"{each.fired}" for each in stage.started)
    say(f"{stage.kills} killed, {stage.pauses} frozen, {stage.leaders_hit} aimed at who led")
    say(f"fired by each process: {fired}")
    say(str(tally))
    return tally


def main(words: Sequence[str] | None = None) -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.beats", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="of faults, on each server")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--server", choices=[*sorted(KINDS), "both"], default="both")
    asked = parser.parse_args(words)
    faults = 0
    for kind in sorted(KINDS) if asked.server == "both" else [asked.server]:
        directory = Path(tempfile.mkdtemp(prefix="aq-beats-"))
        print(f"{kind}: {asked.seconds:.0f} s, seed {asked.seed}, in {directory}", flush=True)
        with PrivateServer(kind, directory / "server") as server:
            stage = Stage(server, "beats", directory, random.Random(asked.seed))
            tally = asyncio.run(
                carry_out(stage, asked.seconds, lambda text: print(f"  {text}", flush=True))
            )
        faults += tally.faults
        if not tally.faults:
            shutil.rmtree(directory, ignore_errors=True)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
