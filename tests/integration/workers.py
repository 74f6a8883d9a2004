"""Real workers in processes of their own, started as a user starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.waiting import until

ROOT = Path(__file__).parents[2]


class WorkerProcess:
    """`asynq -A tests.integration.proj worker …`, or of another app."""

    app = "tests.integration.proj"
    program = "asynq"
    """What `python -m` runs."""

    def __init__(self, environment: dict[str, str], output: Path, *arguments: str) -> None:
        self.output = output
        command = [sys.executable, "-m", self.program, "-A", self.app, "worker"]
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def said(self) -> str:
        """All it has written so far."""
        return self.output.read_text()

    async def ready(self) -> WorkerProcess:
        """Wait until it takes tasks."""
        await until(lambda: " ready.\n" in self.said or self.process.poll() is not None)
        assert self.process.poll() is None, self.said
        return self

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def urge(self, number: int, until_said: str) -> None:
        """The signal once more, so that it is not taken for the echo of the one before."""

        def heeded() -> bool:
            if until_said in self.said or self.process.poll() is not None:
                return True
            self.signal(number)
            return False

        await until(heeded)

    async def ended(self) -> int:
        """Wait until it has ended; its exit code."""
        await until(lambda: self.process.poll() is not None, within=40)
        return self.process.returncode

    def kill(self) -> None:
        """SIGKILL, to it and to all it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


class Workers:
    """Starts workers of one environment, and leaves none behind."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self.environment = environment
        self.ledger = directory / "ledger"
        self.started: list[WorkerProcess] = []

    async def start(self, *arguments: str) -> WorkerProcess:
        """Start one, and wait until it takes tasks."""
        worker = self.launch(*arguments)
        return await worker.ready()

    async def start_parent(self, count: int) -> WorkerProcess:
        """Start `--processes count`, and wait until all of them take tasks."""
        parent = self.launch("--processes", str(count), "-c", "1", "--prefetch-multiplier", "1")
        await until(lambda: parent.said.count(" ready.") == count)
        return parent

    def launch(self, *arguments: str) -> WorkerProcess:
        """Start one."""
        output = self.directory / f"worker-{len(self.started)}.log"
        worker = WorkerProcess(self.environment, output, "-l", "INFO", *arguments)
        self.started.append(worker)
        return worker

    def lines(self, *beginning: str) -> list[list[str]]:
        """The ledger's lines that begin with these words."""
        if not self.ledger.exists():
            return []
        lines = [line.split() for line in self.ledger.read_text().splitlines()]
        return [line for line in lines if line[: len(beginning)] == list(beginning)]


@pytest.fixture
def environment(directory: Path, namespace: str, url: str) -> dict[str, str]:
    """What tells the app of `tests.integration.proj` which server, namespace and lease to use."""
    return {
        "ASYNQ_BROKER_URL": url,
        "TEST_NAMESPACE": namespace,
        "TEST_LEASE": "1.5",
        "TEST_LEDGER": str(directory / "ledger"),
    }


@pytest.fixture
def workers(directory: Path, environment: dict[str, str]) -> Iterator[Workers]:
    """Starts workers; kills what is left of them in the end."""
    workers = Workers(directory, environment)
    yield workers
    for worker in workers.started:
        worker.kill()
