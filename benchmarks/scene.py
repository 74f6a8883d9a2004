"""Where one workload of one system is played: a fresh server, a fresh tally, its own processes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.counts import Counts, counts
from benchmarks.processes import ROOT, Memory, Processes
from benchmarks.server import KIND
from benchmarks.system import System
from benchmarks.tally import Sheet
from tests.servers import PrivateServer

Figures = dict[str, Any]

PATIENCE = 90.0
"""Seconds for the whole of a drain, or for one run of the driver."""
POLL = 0.002
WORDS = 2_000
"""Characters of a log that are shown when something went wrong."""


class SceneError(Exception):
    """It could not be played to its end, or not all tasks were; says why."""


class Workers:
    """The worker processes of a scene, all of them together."""

    def __init__(self, processes: list[Processes]) -> None:
        self.processes = processes
        self.started = processes[0].started
        """`time.monotonic()` when the first was spawned."""

    def cpu(self) -> float | None:
        """Seconds of processor time so far; None: unknown."""
        parts = [process.cpu() for process in self.processes]
        return None if None in parts else sum(part or 0.0 for part in parts)

    def memory(self) -> Memory | None:
        """What they use; None: unknown."""
        parts = [memory for process in self.processes if (memory := process.memory())]
        return Memory(*map(sum, zip(*parts, strict=True))) if parts else None

    def end(self) -> None:
        """All of them."""
        for process in self.processes:
            process.end()


class Scene:
    """As a context manager: begins with starting the server, ends with ending all processes.

    Args:
        system: who plays.
        python: the interpreter that has it.
        directory: an empty one, for all files.
        scale: 1 for the full run, less for a quicker one; see `count()`.
        kind: of the server, `redis` or `valkey`.
    """

    def __init__(
        self, system: System, python: Path, directory: Path, scale: float = 1.0, kind: str = KIND
    ) -> None:
        self.system = system
        self.scale = scale
        self.python = python
        self.directory = directory
        self.server = PrivateServer(kind, directory / "server", tcp=True)
        self.sheet = Sheet.create(directory / "tally")
        self._drives = 0
        self._stack = ExitStack()

    def __enter__(self) -> Scene:
        self._stack.enter_context(self.server)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def count(self, full: int, least: int = 20) -> int:
        """So many in this run of what are `full` many in the full one."""
        return max(least, int(full * self.scale))

    def drive(self, job: str, count: int, *, task: str = "noop", clients: int = 0) -> Figures:
        """Run the driver in a process of its own; what it measured.

        Raises:
            SceneError: it failed, or came to no end.
        """
        words = [self.system.module, job, "--count", str(count), "--task", task]
        words += ["--clients", str(clients)] if clients else []
        self._drives += 1
        name = f"driver-{self._drives}"
        driver = self.start(["-m", "benchmarks.drive", *words], name)
        if not until(lambda: driver.has_ended, PATIENCE):
            raise SceneError(f"{job} took more than {PATIENCE:g} s")
        told = self.log(name)
        found = [line for line in told.splitlines() if line.startswith("{")]
        if not found:
            raise SceneError(f"{job}: {_words(told)}")
        figures: Figures = json.loads(found[-1])
        return figures

    @contextmanager
    def worker(self, *, slots: int = 0, processes: int = 1) -> Iterator[Workers]:
        """Start the worker, and end it; it is not asked whether it is ready.

        Args:
            slots: tasks at a time in each process; 0: what the system drains best with.
            processes: how many.
        """
        slots = slots or self.system.slots
        command = self.system.command(slots=slots, processes=processes, url=self.server.url)
        workers = Workers(
            [
                self.start(command, "worker", {"BENCH_SLOTS": str(slots)})
                for _ in range(self.system.starts(processes))
            ]
        )
        try:
            yield workers
        finally:
            workers.end()

    def start(self, command: list[str], name: str, more: dict[str, str] | None = None) -> Processes:
        """Start something under the system's interpreter; what it prints goes to a file."""
        environment = {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "BENCH_URL": self.server.url,
            "BENCH_SLOTS": str(self.system.slots),
            "BENCH_TALLY": str(self.directory / "tally"),
            **self.system.environment,
            **(more or {}),
        }
        log = self.directory / f"{name}.log"
        started = Processes([str(self.python), *command], environment, log)
        self._stack.callback(started.end)
        return started

    def log(self, name: str) -> str:
        """What processes of that name have printed."""
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait(self, ended: int, workers: Workers, patience: float = PATIENCE) -> None:
        """Wait until that many bodies have ended.

        Raises:
            SceneError: they did not, or the workers ended before them.
        """

        def is_over() -> bool:
            return self.sheet.read().ended >= ended or has_ended()

        def has_ended() -> bool:
            return any(process.has_ended for process in workers.processes)

        until(is_over, patience)
        found = self.sheet.read().ended
        if found < ended:
            why = "then the worker ended" if has_ended() else f"within {patience:g} s"
            log = _words(self.log("worker"))
            raise SceneError(f"{found:,} of {ended:,} tasks ran {why}: {log}")

    def counts(self) -> Counts:
        """What the server has counted so far."""
        return counts(self.server)


def _words(log: str) -> str:
    """Its last line, which is the one that a table has room for, and what came before that."""
    shown = log[-WORDS:].strip()
    return f"{shown.rpartition(chr(10))[2]}\n{shown}"


def until(condition: Callable[[], object], within: float) -> bool:
    """Did it become true in that many seconds?"""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True
