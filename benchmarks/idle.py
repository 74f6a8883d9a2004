"""What a system costs before it does anything: an idle worker, its start, and its import."""

from __future__ import annotations

import ast
import sys
import time
from statistics import median

from benchmarks.counts import Watch
from benchmarks.scene import Figures, Scene, SceneError, until
from benchmarks.system import SYSTEMS

CALM = 2.0
"""Seconds that a worker has to get over its start and its first task."""
WATCHED = 10
"""Seconds that it is watched, in the full form."""
STARTS = 3
IMPORTS = 5
ACKNOWLEDGED = 0.3
"""Seconds a worker has to acknowledge what it has run before it is killed."""
MB = 1 << 20

_IMPORT = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{statements}
print(time.perf_counter() - wall, time.process_time() - cpu, len(__import__("sys").modules))
"""


def idle(scene: Scene) -> Figures:
    """Memory, processor time and commands of a worker that has run one task and waits for more."""
    with scene.worker() as workers:
        scene.drive("fill", 1)
        scene.wait(1, workers)
        time.sleep(CALM)
        memory, cpu, began = workers.memory(), workers.cpu(), time.monotonic()
        with Watch(scene.server) as watch:
            time.sleep(scene.count(WATCHED, 4))
        after, took = workers.cpu(), time.monotonic() - began
    return {
        "rss": None if memory is None else memory.resident / MB,
        "pss": None if memory is None else memory.proportional / MB,
        "cpu": None if cpu is None or after is None else (after - cpu) / took * 100,
        "sent": watch.sent / took,
        "executed": (watch.sent + watch.scripted) / took,
    }


def start_up(scene: Scene) -> Figures:
    """From the spawning of a worker to the end of its first task, which waits for it."""
    seconds = []
    for number in range(1, scene.count(STARTS, 1) + 1):
        scene.drive("fill", 1)
        with scene.worker() as workers:
            scene.wait(number, workers)
            seconds.append(scene.sheet.read().last - workers.started)
            time.sleep(ACKNOWLEDGED)
    return {"seconds": median(seconds), "least": min(seconds)}


def importing(scene: Scene) -> Figures:
    """What our module of the system imports of it, in a fresh interpreter; the best of several."""
    code = _IMPORT.format(statements="\n".join(statements(scene.system.module)))
    found = [
        _imported(scene, code, f"import-{number}") for number in range(scene.count(IMPORTS, 2))
    ]
    walls, cpus, modules = zip(*found, strict=True)
    return {"wall": min(walls) * 1e3, "cpu": min(cpus) * 1e3, "modules": min(modules)}


def statements(module: str) -> list[str]:
    """The module's imports, without the standard library's, the benchmarks' and the loop's."""
    tree = ast.parse((SYSTEMS / f"{module}.py").read_text())
    found = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        roots = {name.partition(".")[0] for name in names}
        if not roots <= {*sys.stdlib_module_names, "benchmarks", "uvloop"}:
            found.append(ast.unparse(node))
    return found


def _imported(scene: Scene, code: str, name: str) -> tuple[float, float, int]:
    process = scene.start(["-c", code], name)
    until(lambda: process.has_ended, 30)
    words = scene.log(name).split()[-3:]
    try:
        return float(words[0]), float(words[1]), int(words[2])
    except (IndexError, ValueError):
        raise SceneError(f"its import failed: {scene.log(name)}") from None
