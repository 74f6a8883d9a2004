"""`--processes N`: a parent that starts N workers, each with an event loop of its own.

The parent runs no tasks and is in nobody's way: the workers share nothing but the queues. It
passes signals on, starts again what dies, and slows down when something dies at once each time.

With `--reload` it starts them again when their sources change, and only then.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from asynq._time import monotonic
from asynq.worker.node import node_name
from asynq.worker.shutdown import heeds_hangup
from asynq.worker.sources import Sources

logger = logging.getLogger("asynq.worker")

CONFIGURATION = 78
"""EX_CONFIG of sysexits.h: the child can't work as configured, so starting it again is no use."""

SHUT_DOWN = 79
"""The child was told from remote to stop: it is not started again. (No code of sysexits.h.)"""

HEALTHY_SECONDS = 10.0
"""A child that lived this long did not die of its start."""

LONGEST_PAUSE = 30.0

LOOK_SECONDS = 1.0
"""How often sources are looked at."""

PARENT_PIPE = "ASYNQ_PARENT_PIPE"
"""Names the descriptor whose end of file tells a child that its parent is gone."""


class Processes:
    """Children, each with a node name, kept alive until told to stop.

    Args:
        commands: Node name to command line; a name may have the parts that `node_name` fills in.
        sources: Files whose change ends the children, warmly, and starts them again.
        pass_fds: Descriptors that the children get too.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        *,
        sources: Sources | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._commands = commands
        self._sources = sources
        self._pass_fds = tuple(pass_fds)
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._told: set[asyncio.subprocess.Process] = set()
        self._change = asyncio.Event()
        self._stopping = asyncio.Event()
        self._exit_code = 0
        self._left = len(commands)
        """How many are not shut down."""
        self._reader, self._writer = os.pipe()

    async def run(self) -> int:
        """Run until stopped by a signal and all children have ended.

        Returns:
            The exit code: 0, or that of the first child that ended badly while stopping.
        """
        loop = asyncio.get_running_loop()
        stopping = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT]
        for number in [*stopping, *([signal.SIGHUP] if heeds_hangup() else [])]:
            loop.add_signal_handler(number, self._pass_on, number)
        loop.add_signal_handler(signal.SIGUSR1, self._send_all, signal.SIGUSR1)
        try:
            async with asyncio.TaskGroup() as group:
                for node, command in self._commands.items():
                    group.create_task(self._keep(node, command))
                if self._sources is not None:
                    group.create_task(self._watch(self._sources))
        finally:
            os.close(self._writer)  # children that are left see their parent gone, and stop
            os.close(self._reader)
        return self._exit_code

    async def _keep(self, node: str, command: Sequence[str]) -> None:
        deaths = 0
        while not self._stopping.is_set():
            began, change = monotonic(), self._change
            name, code = await self._run_child(node, command)
            if self._stopping.is_set():
                if code != SHUT_DOWN:
                    self._exit_code = self._exit_code or max(code, 0)
                return
            if code == SHUT_DOWN:
                logger.warning("%s was shut down, and is not started again", name)
                self._left -= 1
                if not self._left:
                    self._stopping.set()
                return
            if self._sources is not None:
                await self._await_change(change, name, code)
                continue
            if code == CONFIGURATION:
                self._exit_code = code
                self._pass_on(signal.SIGTERM)
                return
            deaths = 1 if monotonic() - began >= HEALTHY_SECONDS else deaths + 1
            pause = 0.0 if deaths == 1 else min(LONGEST_PAUSE, 0.5 * 2.0**deaths)
            told = told_code(code)
            logger.error("%s ended with %s; starting it again in %.0f s", name, told, pause)
            await _within(pause, self._stopping)

    async def _watch(self, sources: Sources) -> None:
        while not await _within(LOOK_SECONDS, self._stopping):
            if changed := await asyncio.to_thread(sources.changed):
                names = ", ".join(path.name for path in changed[:3])
                logger.warning("Changed: %s; starting again", names)
                change, self._change = self._change, asyncio.Event()
                change.set()
                # Once a child: a second signal would cancel what it runs.
                for child in set(self._children.values()) - self._told:
                    self._told.add(child)
                    child.send_signal(signal.SIGTERM)

    async def _await_change(self, change: asyncio.Event, name: str, code: int) -> None:
        """A child that ended by itself, of a syntax error say, is no use before the next change."""
        if not change.is_set():
            logger.error("%s ended with %s; waiting for a change", name, told_code(code))
            await change.wait()

    async def _run_child(self, node: str, command: Sequence[str]) -> tuple[str, int]:
        """Run it to its end: its whole node name, and its exit code."""
        # A session of its own: Ctrl-C in the terminal reaches the parent alone, which passes it on,
        # so that no child gets it twice.
        child = await asyncio.create_subprocess_exec(
            *command,
            pass_fds=(self._reader, *self._pass_fds),
            env={**os.environ, PARENT_PIPE: str(self._reader)},
            start_new_session=True,
        )
        self._children[node] = child
        try:
            code = await child.wait()
            return node_name(node.replace("%p", str(child.pid))), code
        finally:
            del self._children[node]
            self._told.discard(child)

    def _pass_on(self, number: int) -> None:
        self._stopping.set()
        self._change.set()
        self._send_all(number)

    def _send_all(self, number: int) -> None:
        for child in self._children.values():
            if child.returncode is None:
                child.send_signal(number)


def told_code(code: int) -> str:
    """An exit code in words; asyncio gives the number of a signal as a negative one."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for the event so long; has it come?"""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def watch_parent(stop: Callable[[], None]) -> None:
    """In a child: call `stop` when the parent is gone without having told us to."""
    descriptor = os.environ.pop(PARENT_PIPE, None)
    if descriptor is None:
        return
    loop = asyncio.get_running_loop()
    number = int(descriptor)

    def gone() -> None:
        loop.remove_reader(number)
        logger.error("The parent process is gone")
        stop()

    loop.add_reader(number, gone)
