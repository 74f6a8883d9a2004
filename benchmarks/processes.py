"""A worker in processes of its own: what they use of the processor and of memory, and their end.

Linux tells that in /proc. Where there is none, nothing is known of it, and the tables say so.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PROC = Path("/proc")
NANOSECOND = 1e-9
KB = 1024


class Memory(NamedTuple):
    """Bytes of all processes together."""

    resident: int
    """In memory, what they share counted for each of them."""
    proportional: int
    """The same with what they share shared out."""


class Processes:
    """One command and all processes that come of it.

    Args:
        command: what to run.
        environment: what to tell it, above this process's own environment.
        output: the file for all that it prints.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], output: Path
    ) -> None:
        self._is_over = False
        self.started = time.monotonic()
        with output.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        """Has its first process ended?"""
        return self._process.poll() is not None

    def pids(self) -> list[int]:
        """Its processes that are there, also those of them that began a session of their own."""
        parents = {pid: kin for pid, kin in _everyone() if kin is not None}
        found = {self._process.pid}
        for pid, kin in sorted(parents.items()):  # those of a parent have come after it
            if kin.session == self._process.pid or kin.parent in found:
                found.add(pid)
        return [pid for pid in found if pid in parents]

    def cpu(self) -> float | None:
        """Seconds of processor time of all threads that are there; None: unknown."""
        total = 0
        for pid in self.pids():
            for thread in _entries(PROC / str(pid) / "task"):
                total += int((_read(thread / "schedstat") or "0").split()[0])
        return total * NANOSECOND if total else None

    def memory(self) -> Memory | None:
        """What they use; None: unknown."""
        rollups = [_rollup(pid) for pid in self.pids()]
        if not any(rollups):
            return None
        return Memory(
            sum(rollup.get("Rss", 0) for rollup in rollups),
            sum(rollup.get("Pss", 0) for rollup in rollups),
        )

    def end(self) -> None:
        """Kill them all: nothing of what they still hold matters any more."""
        if self._is_over:
            return  # its number may be another process's by now
        self._is_over = True
        elsewhere = [pid for pid in self.pids() if pid != self._process.pid]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in elsewhere:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


class _Kin(NamedTuple):
    parent: int
    session: int


def _everyone() -> Iterator[tuple[int, _Kin | None]]:
    """All processes of this machine; None for one that is gone, or only waits to be noticed."""
    for entry in _entries(PROC):
        if entry.name.isdecimal():
            fields = (_read(entry / "stat") or "").rpartition(")")[2].split()
            is_there = fields and fields[0] != "Z"
            yield int(entry.name), _Kin(int(fields[1]), int(fields[3])) if is_there else None


def _rollup(pid: int) -> dict[str, int]:
    """Bytes by the kernel's names for them."""
    lines = (_read(PROC / str(pid) / "smaps_rollup") or "").splitlines()[1:]
    parts = [line.split() for line in lines]
    return {part[0].rstrip(":"): int(part[1]) * KB for part in parts if len(part) == 3}


def _entries(directory: Path) -> list[Path]:
    try:
        return [*directory.iterdir()]
    except OSError:  # it has just ended
        return []


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
