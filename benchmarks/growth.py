"""What a task costs as there are more of them: waiting, running at once, in more queues.

Times are of processors, the worker's and the server's together: what a task costs is to be seen,
and not what else the machine did.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.idle import MB
from benchmarks.scene import Figures, Scene, Workers

WAITING = (1_000, 10_000, 100_000, 1_000_000)
RUNNING = (1_000, 5_000, 10_000, 20_000)
QUEUES = (10, 100, 1_000)

WARM = 2_000
"""Tasks that a worker runs before it is measured, and calls that a caller makes."""
MEASURED = 10_000
NAP = 3.0
"""Seconds that a task sleeps where many are to run at once: all have begun before one ends."""
MICRO = 1e6


@dataclass(frozen=True)
class Mark:
    """A moment in a drain."""

    at: float
    ended: int
    worker: float
    server: float

    def until(self, later: Mark) -> Figures:
        """Microseconds a task from this moment to that one."""
        count = max(later.ended - self.ended, 1)
        worker = (later.worker - self.worker) / count * MICRO
        server = (later.server - self.server) / count * MICRO
        wall = (later.at - self.at) / count * MICRO
        return {"worker": worker, "server": server, "both": worker + server, "wall": wall}


def waiting(scene: Scene) -> Figures:
    """Calling and running while that many tasks wait."""
    found = []
    for size in _sizes(scene, WAITING):
        _forget(scene)
        empty = scene.counts()
        scene.drive("fill", size)
        full = scene.counts()
        called = scene.drive("enqueue-many", _warm(scene) + _measured(scene))
        calling = called["cpu"] + (scene.counts() - full).cpu
        with scene.worker() as workers:
            found.append(
                {
                    "size": size,
                    "queued": (full.memory - empty.memory) / size,
                    "calling": calling / called["count"] * MICRO,
                    **_middle(scene, workers),
                }
            )
    return {**_ends(found, "both"), **_ends(found, "calling"), "queued": found[-1]["queued"]}


def running(scene: Scene) -> Figures:
    """A worker with that many slots, all of them taken by tasks that sleep."""
    found = []
    for size in _sizes(scene, RUNNING):
        _forget(scene)
        with _grown(scene, nap=NAP), scene.worker(slots=size) as workers:
            already = scene.sheet.read().ended
            scene.drive("fill", 1)
            scene.wait(already + 1, workers)
            before, least = _mark(scene, workers), _resident(workers)
            scene.drive("fill", size, task="nap")
            scene.wait(before.ended + 1, workers)
            most = _resident(workers)  # the first has ended, and all the others run
            scene.wait(before.ended + size, workers)
            spent = before.until(_mark(scene, workers))
        found.append({"size": size, "rss": most / MB, "bytes": (most - least) / size, **spent})
    return {**_ends(found, "both"), "bytes": found[-1]["bytes"], "rss": found[-1]["rss"]}


def queues(scene: Scene) -> Figures:
    """The same number of tasks, spread over that many queues."""
    found = []
    for size in _sizes(scene, QUEUES):
        _forget(scene)
        with _grown(scene, queues=size):
            scene.drive("fill", 2 * _warm(scene) + _measured(scene))
            with scene.worker() as workers:
                found.append({"size": size, **_middle(scene, workers)})
    return _ends(found, "both")


def _sizes(scene: Scene, full: tuple[int, ...]) -> list[int]:
    """Smallest first; fewer where the scene is a small one."""
    return sorted({scene.count(size) for size in full})


def _warm(scene: Scene) -> int:
    return scene.count(WARM, 200)


def _measured(scene: Scene) -> int:
    return scene.count(MEASURED, 2_000)


def _middle(scene: Scene, workers: Workers) -> Figures:
    """What a task costs while more of them wait, from when the worker is warm."""
    already = scene.sheet.read().ended
    scene.wait(already + _warm(scene), workers)
    begin = _mark(scene, workers)
    scene.wait(already + _warm(scene) + _measured(scene), workers)
    return begin.until(_mark(scene, workers))


def _mark(scene: Scene, workers: Workers) -> Mark:
    ended = scene.sheet.read().ended
    return Mark(time.monotonic(), ended, workers.cpu() or 0.0, scene.counts().cpu)


def _resident(workers: Workers) -> int:
    memory = workers.memory()
    return 0 if memory is None else memory.resident


def _ends(found: list[Figures], key: str) -> Figures:
    """That figure at the smallest size and at the largest, and how many times as much that is."""
    least, most = found[0][key], found[-1][key]
    return {
        "sizes": found,
        f"{key}-least": least,
        f"{key}-most": most,
        f"{key}-growth": most / least,
    }


def _forget(scene: Scene) -> None:
    scene.server.command("FLUSHALL", "SYNC", timeout=60)


@contextmanager
def _grown(scene: Scene, *, nap: float = 0.05, queues: int = 1) -> Iterator[None]:
    """asynq on that many queues, and with naps that long."""
    plain = scene.system
    names = ",".join(f"queue-{number}" for number in range(queues))
    app = "benchmarks.systems.asynq_growth"
    scene.system = dataclasses.replace(
        plain,
        module="asynq_growth",
        worker=("asynq", "-A", app, "worker", "-c", "{slots}", "-Q", names),
        environment={"BENCH_NAP": str(nap), "BENCH_QUEUES": str(queues)},
    )
    try:
        yield
    finally:
        scene.system = plain
