"""Many workers at once: start them, stop them, wait for them, and say what is done."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from asynq._time import monotonic
from asynq.multi.background import Failed, Launch, Up, try_to_launch
from asynq.multi.pidfile import Holder, NotOurs, find, remove_stale
from asynq.worker.processes import PARENT_PIPE

LOOK_SECONDS: Final = 0.05
DOT_SECONDS: Final = 1.0
KILLED_SECONDS: Final = 10.0
"""How long a killed process may take to be gone: the kernel has its memory to give back."""
NOT_DONE: Final = 1
"""The exit code where a node could not be told to stop."""


Begun = tuple[Launch, Future[Up | Failed]]
"""A node whose start has begun, and what becomes of it."""


class Voice(Protocol):
    """Whoever says what happens."""

    def heading(self, text: str) -> None:
        """What is begun, for all nodes."""

    def node(self, name: str, text: str) -> None:
        """What has become of one."""

    def failure(self, name: str, text: str) -> None:
        """The same, and it is not what was wanted."""

    def command(self, words: Sequence[str]) -> None:
        """What is started."""

    def waiting(self, pids: Sequence[int]) -> None:
        """For whom we wait."""

    def dot(self) -> None:
        """Still."""


class Cluster:
    """Nodes, each with what starts it and the pidfile by which it is found.

    Args:
        launches: What starts each.
        voice: Who says what happens.
    """

    def __init__(self, launches: Sequence[Launch], voice: Voice) -> None:
        self._launches = launches
        self._voice = voice
        self._code = 0
        self._refused: set[str] = set()

    def start(self) -> int:
        """Start all that can be started.

        Returns:
            The exit code: 0, or that of the first that does not run now by our doing.
        """
        self._voice.heading("Starting nodes...")
        with _starters() as starters:
            self._tell([self._begin(starters, launch) for launch in self._launches])
        return self._code

    def stop(self, number: int) -> int:
        """Send all a signal; 0, or `NOT_DONE` where that was not possible."""
        with self._told(number):
            return self._code

    def stop_and_wait(self, number: int) -> int:
        """The same, and wait until all have ended."""
        with self._told(number) as living:
            self._wait(living, lambda launch: self._voice.node(launch.name, "DOWN"))
            return self._code

    def restart(self, number: int) -> int:
        """Stop all, and start each as soon as it has ended; those that do not run, too."""
        with self._told(number) as living, _starters() as starters:
            begun = [
                self._begin(starters, launch)
                for launch in self._launches
                if launch.name not in living and launch.name not in self._refused
            ]
            self._wait(living, lambda launch: begun.append(self._begin(starters, launch)))
            self._voice.heading("Restarting nodes...")
            self._tell(begun)
        return self._code

    def kill(self) -> int:
        """End all at once, and remove their pidfiles; 0, or `NOT_DONE` where one is still there."""
        self._voice.heading("Killing nodes...")
        for launch in self._launches:
            try:
                self._kill(launch)
            except (NotOurs, OSError) as error:
                self._fail(launch.name, _reason(error), NOT_DONE)
        return self._code

    def _begin(self, starters: ThreadPoolExecutor, launch: Launch) -> Begun:
        self._voice.command(launch.command)
        return launch, starters.submit(try_to_launch, launch)

    def _tell(self, begun: Sequence[Begun]) -> None:
        for launch, future in begun:
            outcome = future.result()
            if isinstance(outcome, Failed):
                self._fail(launch.name, outcome.why, outcome.code)
            elif outcome.ready:
                self._voice.node(launch.name, "OK")
            else:
                self._voice.node(
                    launch.name,
                    f"OK, but not ready yet: see {launch.logfile} (process {outcome.pid})",
                )

    @contextmanager
    def _told(self, number: int) -> Iterator[dict[str, Holder]]:
        """Send the signal; those who have got it."""
        self._voice.heading("Stopping nodes...")
        living: dict[str, Holder] = {}
        with ExitStack() as stack:
            for launch in self._launches:
                try:
                    holder = find(launch.pidfile)
                    if holder is not None and stack.enter_context(holder).send(number):
                        living[launch.name] = holder
                        self._voice.node(launch.name, f"{_name(number)} -> {holder.pid}")
                    else:
                        self._voice.node(launch.name, "DOWN")
                except (NotOurs, OSError) as error:
                    self._refused.add(launch.name)
                    self._fail(launch.name, _reason(error), NOT_DONE)
            yield living

    def _wait(self, living: Mapping[str, Holder], on_down: Callable[[Launch], None]) -> None:
        waiting = dict(living)
        launches = {launch.name: launch for launch in self._launches}
        if waiting:
            self._voice.waiting([holder.pid for holder in waiting.values()])
        next_dot = monotonic() + DOT_SECONDS
        while waiting:
            for name in [name for name, holder in waiting.items() if not holder.lives()]:
                del waiting[name]
                on_down(launches[name])
            if waiting:
                time.sleep(LOOK_SECONDS)
                if monotonic() > next_dot:
                    self._voice.dot()
                    next_dot += DOT_SECONDS

    def _kill(self, launch: Launch) -> None:
        with ExitStack() as stack:
            holder = find(launch.pidfile)
            if holder is not None and stack.enter_context(holder).send(signal.SIGSTOP):
                # Stopped first, so that it starts no worker anew while we look for them.
                for pid in _workers_under(holder.pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                holder.send(signal.SIGKILL)
                self._voice.node(launch.name, f"KILL -> {holder.pid}")
                if not holder.wait(KILLED_SECONDS):
                    self._fail(launch.name, "is still there", NOT_DONE)
                    return
        if launch.pidfile.exists():
            remove_stale(launch.pidfile)
        self._voice.node(launch.name, "DOWN")

    def _fail(self, name: str, why: str, code: int) -> None:
        self._voice.failure(name, why)
        self._code = self._code or code


def _starters() -> ThreadPoolExecutor:
    """As many at once as there are processors: each start is a Python that imports the app."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="asynq-start")


def _workers_under(pid: int) -> list[int]:
    """The workers that a parent (`--processes`) has started; on Linux, else none.

    Without their parent they stop by themselves, but warmly.
    """
    found = []
    with suppress(OSError, ValueError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(OSError):
                if f"{PARENT_PIPE}=".encode() in Path(f"/proc/{child}/environ").read_bytes():
                    found.append(int(child))
    return found


def _name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name.removeprefix("SIG")
    return str(number)


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
