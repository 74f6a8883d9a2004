"""A worker of a peer in processes of its own, to be killed, stopped and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


class WorkerProcess:
    """One worker, with whatever processes it starts; signals go to all of them at once.

    Args:
        name: what its lines in the ledger are signed with.
        command: what to run.
        environment: what to tell it, above this process's own environment.
        output: the file for all it prints.
    """

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str], output: Path
    ) -> None:
        self.name = name
        self._command = command
        self._environment = {**os.environ, **environment, "RELIABILITY_WORKER": name}
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        self.died_at: float | None = None
        """When it was first seen to have ended by itself."""

    def start(self) -> None:
        """Start it; it is not asked whether it is ready."""
        self.died_at = None
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def look(self) -> float | None:
        """Since when it has been gone, though nobody here ended it."""
        if self._process is not None and self.died_at is None and self._process.poll() is not None:
            self.died_at = time.time()
        return self.died_at

    def restart(self) -> None:
        """Start it anew after its death, without what it may have left behind."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Freeze all its processes, as a suspended machine would."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End a `pause()`."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End all its processes without a warning, as a machine that loses its power."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)
        self._process = None

    def end(self, grace: float = 5.0) -> None:
        """Ask it to end, and kill what has not ended after `grace` seconds."""
        self._signal(signal.SIGCONT)
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        self.kill()

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
