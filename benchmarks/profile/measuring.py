"""Plays a scene under each meter in turn, and puts together what they saw."""

from __future__ import annotations

import asyncio
import gc
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from asynq._redis.scripts import Script
from benchmarks.profile.functions import Cost, calls_of, costs
from benchmarks.profile.meters import Counts, Cpu, Server, Trace
from benchmarks.profile.scenes import Meter, Scene

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


@dataclass(frozen=True)
class Command:
    """What one command, or one script, costs a task."""

    name: str
    calls: float
    microseconds: float


@dataclass(frozen=True)
class Redis:
    """What a task costs the server and the network."""

    microseconds: float
    """Of the server's processor."""
    bytes_sent: float
    """To the server."""
    bytes_received: float
    sent: list[Command]
    """By clients; scripts by their name, with all that they execute."""
    executed: list[Command]
    """By clients and inside scripts."""


@dataclass(frozen=True)
class Profile:
    """Where the time of one task goes, in one scene."""

    scene: str
    title: str
    count: int
    microseconds: float
    """Of the processor, in the event loop's thread, untraced."""
    collecting: float
    """Of these, spent in Python's garbage collector; in the tables it is on the account of whoever
    happened to set it off."""
    aside: float
    """The same in other threads."""
    traced: float
    tracer: float
    """Microseconds that tracing costs a call; taken off again."""
    calls: float
    """Of functions, Python's and C's."""
    functions: list[Cost]
    redis: Redis

    @property
    def rooms(self) -> list[Command]:
        """Microseconds and calls by room, dearest first."""
        rooms: defaultdict[str, list[Cost]] = defaultdict(list)
        for cost in self.functions:
            rooms[cost.room].append(cost)
        found = [
            Command(room, sum(cost.calls for cost in each), sum(cost.microseconds for cost in each))
            for room, each in rooms.items()
        ]
        return sorted(found, key=lambda room: -room.microseconds)


def profile(
    scene: Scene, url: str, *, rounds: int, count: int, loop: LoopFactory | None
) -> Profile:
    """Play the scene without a tracer and with one in turn, and count on the server's side.

    The fastest round of each kind counts: what is slower was disturbed.
    """

    def play(meter: Meter) -> None:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(scene.play(url, count, meter))

    plain: list[Cpu] = []
    traces: list[Trace] = []
    for _ in range(rounds):
        plain.append(Cpu())
        play(plain[-1])
        traces.append(Trace())
        play(traces[-1])
    server = Server(url)
    play(server)
    server.close()
    quick = min(plain, key=lambda cpu: cpu.thread)
    trace = min(traces, key=lambda trace: trace.cpu.thread)
    functions, tracer = costs(
        trace.profiler, plain=quick.thread, traced=trace.cpu.thread, count=count
    )
    return Profile(
        scene=scene.name,
        title=scene.title,
        count=count,
        microseconds=quick.thread / count * 1e6,
        collecting=quick.collecting / count * 1e6,
        aside=(quick.process - quick.thread) / count * 1e6,
        traced=trace.cpu.thread / count * 1e6,
        tracer=tracer,
        calls=calls_of(trace.profiler) / count,
        functions=functions,
        redis=_redis(server.counts, server.log, count),
    )


def _redis(counts: Counts, log: list[tuple[str, float]], count: int) -> Redis:
    names = script_names()
    durations: defaultdict[str, list[float]] = defaultdict(list)
    for name, spent in log:
        durations[names.get(name, name)].append(spent)
    sent = [
        Command(name, len(spent) / count, sum(spent) / count) for name, spent in durations.items()
    ]
    executed = [
        Command(name, counts.calls[name] / count, counts.microseconds.get(name, 0.0) / count)
        for name in sorted(counts.calls, key=lambda name: -counts.microseconds.get(name, 0.0))
    ]
    return Redis(
        microseconds=counts.cpu / count * 1e6,
        bytes_sent=counts.bytes_in / count,
        bytes_received=counts.bytes_out / count,
        sent=sorted(sent, key=lambda command: -command.microseconds),
        executed=executed,
    )


def script_names() -> dict[str, str]:
    """The files of all scripts that are loaded, wherever they are kept, by their digests."""
    scripts = [each for each in gc.get_objects() if type(each) is Script]
    return {script.digest.decode(): f"{script.name}.lua" for script in scripts}
