"""How the workloads are measured: calling, draining, waiting, counting commands."""

from __future__ import annotations

import time
from statistics import quantiles

from benchmarks.counts import Counts, Watch, entries, size
from benchmarks.scene import PATIENCE, Figures, Scene, SceneError, Workers, until

NAP = 0.05
"""Seconds that a `nap` sleeps."""
SLOTS = 500
"""Tasks that sleep at a time, where they are not many."""
WAVES = 4
"""How often each slot has a task that sleeps, at least."""
THREADS = 16
"""Slots for `def` tasks in threads: more only make them fight for the interpreter's lock."""
SETTLING = 10.0
"""Seconds in which the results of all tasks must be stored when the last body has ended."""
QUIET = 0.3
"""Seconds that a system without results has to acknowledge its last tasks."""
MICRO = 1e6
MILLI = 1e3


def enqueue(scene: Scene, *, many: bool) -> Figures:
    """Calls a second, and what each costs the caller and the server."""
    full = max(2_000, scene.system.drain) if many else 3_000
    before = scene.counts()
    figures = scene.drive("enqueue-many" if many else "enqueue-one", scene.count(full))
    count = figures["count"]
    return {
        "rate": count / figures["seconds"],
        "cpu": figures["cpu"] / count * MICRO,
        **_server_figures(scene.counts() - before, count),
    }


def drain(
    scene: Scene,
    *,
    task: str = "noop",
    slots: int = 0,
    processes: int = 1,
    full: int = 0,
    least: int = 20,
) -> Figures:
    """A full queue, then the workers: tasks a second from the first bodies' end to the last's."""
    count = scene.count((full or scene.system.drain) * processes, least)
    empty = scene.counts()
    scene.drive("fill", count, task=task)
    filled = scene.counts()
    with scene.worker(slots=slots, processes=processes) as workers:
        start = _Start(scene, workers, count, processes)
        scene.wait(count, workers)
        _settle(scene, count)
        microseconds = start.cpu_per_task(count)
        settled = scene.counts()
    figures = {
        "rate": start.rate(NAP if task == "nap" else 0.0),
        "cpu": microseconds,
        **_server_figures(settled - filled, count),
        "queued": (filled.memory - empty.memory) / count,
    }
    if scene.system.stores_results:
        figures["stored"] = (scene.counts().memory - empty.memory) / count
        figures["result"] = size(scene.server)
    return figures


def naps(scene: Scene, *, slots: int) -> Figures:
    """The same with tasks that sleep."""
    many = slots > SLOTS
    full = scene.system.naps * (2 if many else 1)
    # All that sleep at the same time would say nothing of how they are started and ended at once.
    figures = drain(scene, task="nap", slots=slots, full=full, least=20 if many else WAVES * slots)
    if many:  # thousands have been started when the first one ends, and the count of it begins
        del figures["cpu"]
    return figures


def commands(scene: Scene) -> Figures:
    """What is sent and executed for a task under load, counted one by one."""
    count = scene.count(min(scene.system.drain, 10_000))
    with Watch(scene.server) as calling:
        scene.drive("fill", count)
    with scene.worker() as workers, Watch(scene.server) as running:
        scene.wait(count, workers)
        time.sleep(QUIET)
    return {
        "sent": (calling.sent + running.sent) / count,
        "calling": calling.sent / count,
        "running": running.sent / count,
        "executed": (calling.sent + calling.scripted + running.sent + running.scripted) / count,
    }


def latency(scene: Scene) -> Figures:
    """From a call to its result, with a worker that has nothing else to do."""
    figures = _trips(scene, "round-trips", scene.count(500, 50))
    trips = figures.pop("trips")
    cuts = quantiles(trips, n=100)
    times = {f"p{part}": cuts[part - 1] * MILLI for part in (50, 95, 99)}
    return {**figures, **times, "trips": [round(trip, 6) for trip in trips]}


def clients(scene: Scene, *, clients: int) -> Figures:
    """That many clients in one process, each of which calls, waits for the result, and again."""
    count = scene.count(max(2_000, scene.system.drain // 4))
    figures = _trips(scene, "clients", max(2, count // clients) * clients, clients=clients)
    return {**figures, **{name: figures[name] * MILLI for name in ("p50", "p95", "p99")}}


def _trips(scene: Scene, job: str, count: int, *, clients: int = 0) -> Figures:
    """What the driver says of them, and what a round trip cost caller, worker and server."""
    with scene.worker() as workers:
        scene.drive("fill", 1)
        scene.wait(1, workers)  # what it needs to start is another figure
        before, working = scene.counts(), workers.cpu()
        figures = scene.drive(job, count, clients=clients)
        after = workers.cpu()
        spent = scene.counts() - before
    trips = figures["count"]
    known = after is not None and working is not None
    return {
        **figures,
        **_server_figures(spent, trips),
        "rate": trips / figures["seconds"],
        "cpu": figures["cpu"] / trips * MICRO,
        "worker_cpu": (after - working) / trips * MICRO if known else None,
    }


class _Start:
    """When all processes of the workers have run a task: what they need to start is another figure.

    Where one of them gets none, because the others were done before, it is the end.
    """

    def __init__(self, scene: Scene, workers: Workers, count: int, processes: int) -> None:
        def has_come() -> bool:
            total = scene.sheet.read()
            is_over = total.ended >= count or workers.processes[0].has_ended
            return is_over or total.processes >= processes

        until(has_come, PATIENCE)
        self._scene = scene
        self._workers = workers
        self._is_first = processes == 1
        self._at = time.monotonic()
        self._ended = scene.sheet.read().ended
        self._cpu = workers.cpu()

    def rate(self, body: float) -> float:
        """Tasks a second, from here or from the first body's end on, of `body` seconds each."""
        total = self._scene.sheet.read()
        if self._is_first or self._ended == total.ended:
            return (total.ended - 1) / (total.last - total.first + body)
        return (total.ended - self._ended) / (total.last - self._at)

    def cpu_per_task(self, count: int) -> float | None:
        """Microseconds of all processes, from here on; None: unknown."""
        after = self._workers.cpu()
        if after is None or self._cpu is None or count == self._ended:
            return None
        return (after - self._cpu) / (count - self._ended) * MICRO


def _settle(scene: Scene, count: int) -> None:
    if not scene.system.stores_results:
        time.sleep(QUIET)
    elif not until(lambda: entries(scene.server) >= count, SETTLING):
        raise SceneError(f"{entries(scene.server):,} results of {count:,} tasks were stored")


def _server_figures(spent: Counts, count: int) -> Figures:
    return {
        "server_cpu": spent.cpu / count * MICRO,
        "executed": spent.commands / count,
        "bytes_in": spent.bytes_in / count,
        "bytes_out": spent.bytes_out / count,
    }
