"""Workers under fire: started, killed, frozen, stopped; and all of them gone in the end."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.chaos.ledger import Ledger
from tests.integration.workers import WorkerProcess
from tests.proxy import Proxy
from tests.servers import PrivateServer
from tests.waiting import until

LEASE = 1.5
CONFIRM = 1.0
"""Seconds after a lease in which a suspected worker may still speak up (`reaper`)."""
SWEEP = 0.6
"""Seconds between two looks of a reaper, with its jitter."""


class ChaosWorker(WorkerProcess):
    """`asynq -A tests.chaos.tasks worker …`."""

    app = "tests.chaos.tasks"
    frozen = False

    def freeze(self) -> None:
        """SIGSTOP: it stands still, and does not know it."""
        self.signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT)
        self.frozen = False

    def signal(self, number: int) -> None:
        """Send a signal, if it is still there."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def fenced(self) -> int:
        """How often it ended a task that was not its any more, by its own words."""
        return self.said.count("was no longer ours when it ended")

    @property
    def leases_lost(self) -> int:
        """How often it was told so while it still ran one, and stopped it."""
        return self.said.count("Lost the lease of")


class SkewedWorker(ChaosWorker):
    """The same on a machine whose clock is wrong by $CHAOS_SKEW seconds."""

    program = "tests.chaos.skewed"


class Fleet:
    """Workers of one namespace on one server, and their ledger."""

    def __init__(self, server: PrivateServer, namespace: str, directory: Path) -> None:
        self.server = server
        self.namespace = namespace
        self.directory = directory
        self.ledger = Ledger(directory / "ledger")
        self.started: list[ChaosWorker] = []
        self.more: dict[str, str] = {}
        """What else every worker is told."""

    async def start(self, *arguments: str, **how: object) -> ChaosWorker:
        """Start one, and wait until it takes tasks; see `launch`."""
        worker = self.launch(*arguments, **how)  # type: ignore[arg-type]
        await worker.ready()
        return worker

    def launch(
        self,
        *arguments: str,
        through: Proxy | None = None,
        kind: type[ChaosWorker] = ChaosWorker,
        level: str = "INFO",
        **environment: str,
    ) -> ChaosWorker:
        """Start one.

        Args:
            arguments: Of `asynq worker`.
            through: The wire to the server; None: straight to it.
            kind: How it is started.
            level: What it logs.
            environment: More of it: `CHAOS_NEW_TASK="1"`.
        """
        number = len(self.started)
        worker = kind(
            self.environment(self.server.url if through is None else through.url) | environment,
            self.directory / f"worker-{number}.log",
            *("-l", level, "-n", f"chaos-{number}@here", *arguments),
        )
        self.started.append(worker)
        return worker

    def environment(self, url: str) -> dict[str, str]:
        """What a worker is told."""
        return {
            "ASYNQ_BROKER_URL": url,
            "CHAOS_NAMESPACE": self.namespace,
            "CHAOS_LEASE": str(LEASE),
            "CHAOS_LEDGER": str(self.ledger.path),
            **self.more,
        }

    @property
    def alive(self) -> list[ChaosWorker]:
        """Those that run."""
        return [worker for worker in self.started if worker.alive]

    @property
    def fenced(self) -> int:
        """Ends that came from a worker which had lost the task: refused, or never tried."""
        return sum(worker.fenced + worker.leases_lost for worker in self.started)

    def by_pid(self, pid: int) -> ChaosWorker:
        """The worker that a line of the ledger means."""
        return next(worker for worker in self.started if worker.pid == pid)

    async def running(self, id: str, *, within: float = 15.0) -> ChaosWorker:
        """The worker that runs the task, as soon as one does."""
        runs = await until(lambda: self.ledger.read().runs(id), within=within)
        return self.by_pid(runs[-1].pid)

    def close(self) -> None:
        """SIGKILL for all."""
        for worker in self.started:
            worker.kill()
        self.ledger.close()
