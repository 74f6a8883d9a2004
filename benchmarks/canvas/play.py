"""One run: a fresh server, a worker that is warm, and workflows of one shape."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.canvas.shapes import Shape
from benchmarks.counts import Watch
from benchmarks.processes import Processes
from benchmarks.scene import PATIENCE, Figures, Scene, SceneError, Workers, until

MICRO = 1e6
GB = 2**30
MOST = 3 * GB
"""Bytes that the caller and the worker may use together, for others need the machine too."""
MOST_STORED = 2 * GB
"""Bytes that the server may store."""
LOOK = 0.25
"""Seconds between two looks at what they use."""


def play(scene: Scene, shape: Shape, *, limit: float, watched: bool = False) -> Figures:
    """Run them all; what they took, for each task.

    Args:
        scene: Where.
        shape: What to run, as many of it as the scene's scale says.
        limit: Seconds until all results must be there.
        watched: Count the commands of fewer of them, which slows it down: nothing else is told.

    Raises:
        SceneError: it did not come to its end.
    """
    shape = shape.fewer() if watched else shape
    count = scene.count(shape.count, 1)
    total = count * shape.tasks
    scene.server.command("CONFIG", "SET", "maxmemory", str(MOST_STORED))
    with scene.worker() as workers, ExitStack() as stack:
        driver, ready = _driver(scene, shape, count)
        if not until(lambda: ready.exists() or driver.has_ended, PATIENCE) or driver.has_ended:
            raise SceneError(f"the first small ones did not finish: {_last(scene.log('driver'))}")
        watch = stack.enter_context(Watch(scene.server)) if watched else None
        before, working = scene.counts(), workers.cpu()
        ready.unlink()
        _wait(driver, workers, limit)
        after, spent = workers.cpu(), scene.counts() - before
    figures = _figures(scene)
    if watch is not None:
        return {"sent": watch.sent / total, "count": count}
    known = after is not None and working is not None
    return {
        **figures,
        "tasks": total,
        "rate": total / figures["seconds"],
        "each": figures["seconds"] / total * MICRO,
        "seconds": figures["seconds"] / (count if shape.alone else 1),
        "sending": figures["sending"] / (count if shape.alone else 1),
        "cpu": figures["cpu"] / total * MICRO,
        "worker_cpu": (after - working) / total * MICRO if known else None,
        "server_cpu": spent.cpu / total * MICRO,
        "executed": spent.commands / total,
        "bytes_in": spent.bytes_in / total,
        "bytes_out": spent.bytes_out / total,
        "bytes_all": spent.bytes_in / count,
        "peak": (_peak(scene) - before.memory) / total,
    }


def _driver(scene: Scene, shape: Shape, count: int) -> tuple[Processes, Path]:
    ready = scene.directory / "ready"
    sizes = "x".join(map(str, shape.sizes))
    words = [scene.system.module, shape.kind, sizes, "--count", str(count), "--ready", str(ready)]
    words += ["--alone"] if shape.alone else []
    return scene.start(["-m", "benchmarks.canvas.drive", *words], "driver"), ready


def _wait(driver: Processes, workers: Workers, limit: float) -> None:
    """Until the driver has ended.

    Raises:
        SceneError: it takes too long, or too much memory.
    """
    deadline = time.monotonic() + limit
    while not until(lambda: driver.has_ended, min(LOOK, limit)):
        used = [memory.resident for each in (driver, workers) if (memory := each.memory())]
        if sum(used) > MOST:
            raise SceneError(f"took more than {MOST // GB} GB of memory")
        if time.monotonic() > deadline:
            raise SceneError(f"did not finish in {limit:g} s")


def _figures(scene: Scene) -> Figures:
    told = scene.log("driver")
    found = [line for line in told.splitlines() if line.startswith("{")]
    if not found:
        raise SceneError(_last(told))
    figures: Figures = json.loads(found[-1])
    return figures


def _peak(scene: Scene) -> int:
    """The most bytes that the server has had in use, by its own count after each command."""
    text = scene.server.command("INFO", "memory").decode()
    info = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return int(info["used_memory_peak"])


def _last(log: str) -> str:
    return (log.strip().splitlines() or ["it said nothing"])[-1]
