"""The faults, one function each: what is done to the workers or to their server.

Numbers are those of the project's failure plan (T1, T3 …).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from benchmarks.reliability import ledger
from benchmarks.reliability.run import Run
from benchmarks.reliability.scene import Finish, Scene, SceneError
from benchmarks.reliability.wire import Wire
from benchmarks.reliability.worker import WorkerProcess

BODY = 0.2
MANY = 100
LONG = 12.0
LEASE = 5.0
LEASE_BESIDE_LONG_TASKS = 30.0
"""So that a peer that cannot renew does not run the long task twice for that reason."""
PROBES = 24
"""More than one worker takes for itself, so that another one that is ready gets some."""
PROBES_WITHIN = 15.0
WATCH_POISON = 32.0
POISON_IS_OVER = 12.0


async def worker_killed(scene: Scene) -> Run:
    """One of two workers is killed (SIGKILL) with tasks in its hands."""
    first, _ = await scene.workers("A", "B")
    numbers = await scene.send(MANY, BODY)
    await _busy(scene, "A")
    fault = time.time()
    scene.kill(first)
    return _run(scene, await scene.finish(numbers, fault))


async def reply_lost(scene: Scene) -> Run:
    """A worker is killed (SIGKILL) when the server has taken its acknowledgement, before it was
    told so. Three workers one after the other, with a task each; then one that lives.
    """
    numbers: list[int] = []
    async with Wire(scene.server.port) as wire:
        for name in ("A", "B", "C"):
            worker = await scene.worker(name, wire.url)
            await asyncio.sleep(0.5)  # what follows the end of its first task has been said
            lost = _kill_after_acknowledgement(scene, wire, worker)
            numbers += await scene.send(1, BODY)
            if not await scene.until(lost.is_set, 10):
                raise SceneError(f"worker {name} sent nothing that looks like an acknowledgement")
    fault = time.time()
    await scene.worker("D")
    return _run(scene, await scene.finish(numbers, fault))


async def worker_frozen(scene: Scene) -> Run:
    """One of two workers is frozen (SIGSTOP) for three leases, with tasks in its hands."""
    first, _ = await scene.workers("A", "B")
    numbers = await scene.send(MANY, BODY)
    await _busy(scene, "A")
    fault = time.time()
    first.pause()
    await scene.goes_on(3 * scene.lease * scene.peer.slower)
    first.resume()
    back = await _probe(scene, "A")
    return _run(scene, await scene.finish(numbers, fault), back)


async def server_killed(scene: Scene) -> Run:
    """The server is killed (SIGKILL) under load, and is back after two seconds, with its data."""
    await scene.workers("A", "B")
    numbers = await scene.send(MANY, BODY)
    await _busy(scene, "A")
    scene.server.kill()
    await asyncio.sleep(2)
    scene.server.start()
    finish = await scene.finish(numbers, time.time())
    return _run(scene, finish, await _probe(scene))


async def connections_killed(scene: Scene) -> Run:
    """While its one worker runs a long task, the server closes all connections, three times."""
    await scene.worker("A")
    long = await scene.send(1, LONG)
    if not await scene.until(lambda: ledger.first(scene.lines, "S", long), 10):
        raise SceneError("the long task did not begin")
    for _ in range(3):
        scene.server.command("CLIENT", "KILL", "TYPE", "normal")
        scene.server.command("CLIENT", "KILL", "TYPE", "pubsub")
        await asyncio.sleep(1)
    over = time.time()
    back = await _probe(scene)
    return _run(scene, await scene.finish(long, over), back)


async def poisoned(scene: Scene) -> Run:
    """A task that takes its process with it (`os._exit`), among forty that do no harm."""
    await scene.workers("A", "B")
    fault = time.time()
    sent = await scene.send(41, 0.3, poison=20)
    poison = sent[20]
    await scene.goes_on(WATCH_POISON * scene.peer.slower)
    finish = await scene.finish([number for number in sent if number != poison], fault, 1.0)
    begun = [line.at for line in scene.lines if line.kind == "S" and line.number == poison]
    over = not begun or time.time() - max(begun) >= POISON_IS_OVER * scene.peer.slower
    return _run(scene, finish, poison_runs=len(begun), poison_over=over)


class Fault(NamedTuple):
    """A fault, and the lease that the peer is told for it."""

    inflict: Callable[[Scene], Awaitable[Run]]
    lease: float = LEASE

    @property
    def meaning(self) -> str:
        """What is done, in one line."""
        return " ".join((self.inflict.__doc__ or "").split())


FAULTS = {
    "T1": Fault(worker_killed),
    "T3": Fault(reply_lost),
    "T9": Fault(worker_frozen),
    "T10": Fault(server_killed),
    "T13": Fault(connections_killed, LEASE_BESIDE_LONG_TASKS),
    "T30": Fault(poisoned),
}


async def _busy(scene: Scene, worker: str) -> None:
    """Wait until the worker is in the midst of tasks."""
    if not await scene.until(lambda: ledger.running(scene.lines, worker) > 1, 10):
        raise SceneError(f"worker {worker} had nothing to do when it was to be disturbed")


async def _probe(scene: Scene, worker: str = "") -> float | None:
    """Seconds from sending something new to its start, on that worker where one is named."""
    probes = range(0)
    deadline = time.monotonic() + PROBES_WITHIN
    while time.monotonic() < deadline:
        sent = await scene.send(PROBES, BODY)
        probes = range(probes.start or sent.start, sent.stop)
        await scene.until(lambda: ledger.first(scene.lines, "S", probes, worker=worker), 2.0)  # noqa: B023
        began = ledger.first(scene.lines, "S", probes, worker=worker)
        accepted = ledger.first(scene.lines, "P", probes)
        if began is not None and accepted is not None:
            return max(0.0, began - accepted)
    return None


def _kill_after_acknowledgement(scene: Scene, wire: Wire, worker: WorkerProcess) -> asyncio.Event:
    killed = asyncio.Event()

    def kill() -> None:
        scene.kill(worker)
        killed.set()

    wire.lose_reply(scene.peer.acknowledges, kill)
    return killed


def _run(
    scene: Scene,
    finish: Finish,
    back: float | None = None,
    *,
    poison_runs: int | None = None,
    poison_over: bool = True,
) -> Run:
    tally = finish.tally
    return Run(
        peer=scene.peer.name,
        fault="",
        sent=tally.sent,
        refused=tally.refused,
        lost=len(tally.unfinished),
        stuck=finish.stuck,
        again=tally.again,
        twice=tally.twice,
        restarts=scene.restarts,
        seconds=finish.seconds,
        back=back,
        poison_runs=poison_runs,
        poison_over=poison_over,
    )
