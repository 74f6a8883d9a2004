"""Where one fault of one peer is played: its server, its workers, its ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from benchmarks.reliability import ledger
from benchmarks.reliability.ledger import Line, Tally
from benchmarks.reliability.peers import Peer
from benchmarks.reliability.worker import ROOT, WorkerProcess
from tests.servers import PrivateServer

PATIENCE = 40.0
"""Seconds after a fault in which everything should be done, by itself."""
LAST_CHANCE = 20.0
"""Seconds that what is not done then has, after all workers were started anew."""
NEW_WORK = 3.0
READY = 30.0
PRODUCER = 60.0
RESTARTED_AFTER = 1.0
RESTARTS = 30


class SceneError(Exception):
    """The run could not be played, which says nothing about the peer's reliability."""


class Finish(NamedTuple):
    """How it went after a fault."""

    tally: Tally
    seconds: float | None
    """From the fault to the end of the last accepted task; None: not without fresh workers."""
    stuck: int
    """Tasks that were done only after all workers were started anew."""


class Scene:
    """A private server, no workers yet, and an empty ledger.

    Args:
        peer: whose workers.
        python: the interpreter that has it.
        directory: an empty one, for all files.
        lease: what the peer is told; see `benchmarks.reliability.setting`.
    """

    def __init__(self, peer: Peer, python: Path, directory: Path, *, lease: float) -> None:
        self.peer = peer
        self.lease = lease
        self.server = PrivateServer("redis", directory / "server", durable=True, tcp=True)
        self.restarts = 0
        """How often a worker had ended by itself and was started again."""
        self._python = python
        self._directory = directory
        self._workers: dict[str, WorkerProcess] = {}
        self._sent = 0
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Scene:
        self.server.start()
        self._watch = asyncio.create_task(self._supervise())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        for worker in self._workers.values():
            worker.resume()
            worker.kill()
        self.server.kill()

    @property
    def lines(self) -> list[Line]:
        """The ledger so far."""
        return ledger.read(self._directory / "ledger")

    async def worker(self, name: str, url: str = "") -> WorkerProcess:
        """Start a worker, and wait until it has run a task."""
        url = url or self.server.url
        values = {"lease": f"{self.lease:g}", "url": url}
        command = [str(self._python), "-m", *(word.format(**values) for word in self.peer.worker)]
        output = self._directory / f"worker-{name}.log"
        worker = WorkerProcess(name, command, self._environment(url), output)
        self._workers[name] = worker
        worker.start()
        await self._ready(name)
        return worker

    async def workers(self, *names: str) -> list[WorkerProcess]:
        """Several, one after the other."""
        return [await self.worker(name) for name in names]

    def kill(self, worker: WorkerProcess) -> None:
        """Kill a worker for good: nobody starts it again."""
        self._workers.pop(worker.name, None)
        worker.kill()

    async def send(self, count: int, seconds: float, *, poison: int | None = None) -> range:
        """Send tasks from a process of their own; their numbers, once all have been sent.

        Args:
            count: how many.
            seconds: how long each takes.
            poison: which of them, counted from 0, takes its process with it.

        Raises:
            SceneError: the producer did not come to an end.
        """
        first, self._sent = self._sent, self._sent + count
        words = [self.peer.name, str(first), str(count), str(seconds)]
        if poison is not None:
            words.append(str(first + poison))
        with (self._directory / "producer.log").open("ab") as output:
            producer = await asyncio.create_subprocess_exec(
                str(self._python),
                *("-m", "benchmarks.reliability.producing", *words),
                cwd=ROOT,
                env=self._environment(self.server.url),
                stdout=output,
                stderr=output,
            )
        try:
            await asyncio.wait_for(producer.wait(), PRODUCER)
        except TimeoutError:
            producer.kill()
            await producer.wait()
            raise SceneError(f"sending took more than {PRODUCER:g} s") from None
        return range(first, first + count)

    async def until(self, condition: Callable[[], object], within: float) -> bool:
        """Did it become true in that many seconds?"""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.03)
        return True

    async def finish(
        self, numbers: Collection[int], since: float, patience: float = PATIENCE
    ) -> Finish:
        """Wait until the tasks are done, if need be with fresh workers; then for late doubles."""
        stuck = 0
        seconds = None
        if await self.goes_on(patience, numbers):
            seconds = max(0.0, (ledger.all_ended(self.lines, numbers) or since) - since)
        else:
            before = ledger.tally(self.lines, numbers).unfinished
            for worker in self._workers.values():
                worker.end()
                worker.start()
            await self.goes_on(LAST_CHANCE, numbers)
            stuck = len(before - ledger.tally(self.lines, numbers).unfinished)
        await asyncio.sleep(min(self.lease * 1.2, 8.0) * self.peer.slower)
        await self.send(2, 0.05)
        await asyncio.sleep(1.5)
        return Finish(ledger.tally(self.lines, numbers), seconds, stuck)

    async def goes_on(self, seconds: float, numbers: Collection[int] = ()) -> bool:
        """Let time pass, until the tasks are done where some are named, with a little new work.

        New work, because some queues take back what a dead worker held only when they are used.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if await self.until(lambda: numbers and self.is_done(numbers), min(left, NEW_WORK)):
                return True
            await self.send(1, 0.05)
        return self.is_done(numbers)

    def is_done(self, numbers: Collection[int]) -> bool:
        """Have all of them that were accepted ended?"""
        return not ledger.tally(self.lines, numbers).unfinished

    async def _ready(self, name: str) -> None:
        deadline = time.monotonic() + READY
        warm = range(self._sent, self._sent)
        while not any(line.worker == name for line in self.lines):
            if time.monotonic() > deadline:
                raise SceneError(f"worker {name} ran no task within {READY:g} s")
            warm = range(warm.start, (await self.send(8, 0.1)).stop)
            await self.until(lambda: any(line.worker == name for line in self.lines), 2.0)
        if not await self.until(lambda: self.is_done(warm), READY):
            raise SceneError("the first tasks did not end, before any fault")

    def _environment(self, url: str) -> dict[str, str]:
        return {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "RELIABILITY_URL": url,
            "RELIABILITY_LEASE": f"{self.lease:g}",
            "RELIABILITY_LEDGER": str(self._directory / "ledger"),
        }

    async def _supervise(self) -> None:
        """What systemd or Kubernetes does: start again what has ended, after a second."""
        while True:
            await asyncio.sleep(0.1)
            for worker in [*self._workers.values()]:
                died_at = worker.look()
                is_due = died_at is not None and time.time() - died_at >= RESTARTED_AFTER
                if is_due and self.restarts < RESTARTS:
                    self.restarts += 1
                    worker.restart()
