"""Where `pool="process"` tasks run: child processes that can be killed.

A child (`asynq.execution.child`) is a fresh interpreter, started when it is needed, reused, and
killed when the wait for what it runs is cancelled. It runs a task by the same function as the
worker does, hooks and soft time limit included, and sends home how it ended. It inherits the
worker's standard output and error, and one socket.

A child may be replaced by a fresh one after so many tasks, or when it has grown so large: a way to
live with code that loses memory.

A task that its process dies of has `Failed`, with a `WorkerLostError`. A child that died while it
had nothing to do harms no task: another takes its place. Where no child can be had, the task has
not run, and is tried again later.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Self, TypeVar

from msgspec import Struct

from asynq.exceptions import WorkerLostError
from asynq.execution.inheritance import estate
from asynq.execution.lines import BEGUN, READY, receive, send
from asynq.execution.outcome import Failed, Interrupted, Outcome
from asynq.execution.portable import Portable, job_of, outcome_of
from asynq.request import Request
from asynq.wire.failures import Failure

logger = logging.getLogger("asynq.worker")

R = TypeVar("R")

STARTS: Final = 3
"""How many children may die before they begin a task, until it is given back."""

ANOTHER_TRY: Final = 5.0
"""Seconds before a task that got no process is tried again."""

LAST_WORDS: Final = 0.5
"""Seconds for what a dead child wrote to arrive. (Its line may be open in a process it forked.)"""

LEAVE_SECONDS: Final = 3.0
"""How long a child that was told to leave may take for it."""


class Wear(Struct, frozen=True, kw_only=True):
    """After what a child is replaced by a fresh one; None: it never is for that."""

    tasks: int | None = None
    """So many that it has run."""
    memory: int | None = None
    """More than so many KiB that it has when a task has ended."""

    def of(self, child: _Child) -> str | None:
        """Why this one is replaced; None: it may go on."""
        if self.tasks is not None and child.jobs >= self.tasks:
            return f"it has run {child.jobs} tasks (worker_max_tasks_per_child)"
        if self.memory is not None and child.memory > self.memory * 1024:
            return f"it has {child.memory // 1024} KiB of memory (worker_max_memory_per_child)"
        return None


NO_WEAR: Final = Wear()


class ProcessPool:
    """Runs tasks in up to `size` child processes."""

    def __init__(self, size: int, wear: Wear = NO_WEAR) -> None:
        if size < 1:
            raise ValueError(f"a process pool needs at least one process, not {size}")
        self.size = size
        self.wear = wear
        self._slots = asyncio.Semaphore(size)
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._killed: set[_Child] = set()
        self._closed = False
        self._worn: set[_Child] = set()
        """Those that shall end when what they run has."""
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> list[int]:
        """The process ids of the children there are."""
        return sorted(child.pid for child in (*self._idle, *self._busy))

    def renew(self) -> tuple[int, int]:
        """Have every child end, at once or when what it runs has; others are started when needed.

        Returns:
            How many end at once, and how many later.
        """
        self._worn |= self._busy
        idle, self._idle = self._idle, []
        for child in idle:
            self._let_go(child)
        return len(idle), len(self._busy)

    async def run(
        self, task: Portable, request: Request, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Outcome:
        """Run the task in a child. Cancelling the wait kills the child.

        Where none can be had, the run counts as interrupted.

        Raises:
            EncodeError: the call can't be handed to a child.
        """
        if self._closed:
            raise RuntimeError("the process pool is closed")
        job = job_of(task, request, args, kwargs)
        async with self._slots:
            for _ in range(STARTS):
                try:
                    answer = await self._ask(job)
                except _DiedError as death:
                    outcome = _end_by(death, request)
                    if death.begun:
                        break
                else:
                    return outcome_of(answer, request)
        return outcome

    async def aclose(self) -> None:
        """Let idle children leave, kill those that run something, and see them all ended."""
        self._closed = True
        for child in list(self._busy):
            child.kill()
        idle, self._idle = self._idle, []
        leaving = [child.leave() for child in idle]
        gone = [child.gone() for child in self._busy | self._killed]
        await asyncio.gather(*leaving, *gone, *self._leaving)

    async def _ask(self, job: bytes) -> bytes:
        child = self._take() or await _Child.start(tells_memory=self.wear.memory is not None)
        self._busy.add(child)
        try:
            answer = await child.ask(job)
        except BaseException:
            self._bury(child)
            raise
        else:
            worn = self.wear.of(child)
            if worn is not None:
                logger.info("Child process %d leaves: %s", child.pid, worn)
            if (worn is not None or child in self._worn) and not self._closed:
                self._let_go(child)
            else:
                self._idle.append(child)
            return answer
        finally:
            self._busy.discard(child)
            self._worn.discard(child)

    def _let_go(self, child: _Child) -> None:
        leaving = asyncio.create_task(child.leave(), name="asynq-child-leaves")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _take(self) -> _Child | None:
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            self._bury(child)
        return None

    def _bury(self, child: _Child) -> None:
        child.kill()
        self._killed.add(child)
        child.when_gone(lambda: self._killed.discard(child))


async def run_alone(
    task: Portable, request: Request, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Outcome:
    """Run the task in a child process of its own, whatever its pool: if it kills, it kills that.

    Cancelling the wait kills the child. Where none can be had, the run counts as interrupted.

    Raises:
        EncodeError: the call can't be handed to a child.
    """
    job = job_of(task, request, args, kwargs)
    try:
        child = await _Child.start()
        try:
            answer = await child.ask(job)
            await child.leave()
        except BaseException:
            child.kill()
            raise
    except _DiedError as death:
        return _end_by(death, request)
    return outcome_of(answer, request)


class _DiedError(Exception):
    """A child has ended before its answer.

    Args:
        how: For people.
        begun: It had begun with the job.
    """

    def __init__(self, how: str, *, begun: bool) -> None:
        super().__init__(how)
        self.begun = begun


class _Child:
    """One child process, and the line to it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tells_memory: bool,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._ended = asyncio.create_task(process.wait(), name=f"asynq-child-{process.pid}")
        self._begun = False
        self._tells_memory = tells_memory
        self.jobs = 0
        """How many it has been asked and has answered."""
        self.memory = 0
        """The bytes of memory that it had then, where it tells them."""

    @classmethod
    async def start(cls, *, tells_memory: bool = False) -> Self:
        """A child that is ready for its first job.

        Args:
            tells_memory: It says with each answer how much memory it has.

        Raises:
            _DiedError: it could not be started, or has ended at once.
        """
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "asynq.execution.child",
                    str(theirs.fileno()),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    # Ctrl-C in the terminal is the worker's to hear.
                    start_new_session=True,
                )
        except OSError as error:
            writer.close()
            raise _DiedError(f"it could not be started: {error}", begun=False) from error
        except BaseException:
            writer.close()
            raise
        child = cls(process, reader, writer, tells_memory)
        try:
            await child._unless_it_dies(child._greet())
        except BaseException:
            child.kill()
            raise
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Can it be asked?"""
        return not self._ended.done() and not self._reader.at_eof()

    async def ask(self, job: bytes) -> bytes:
        """Its answer to a job.

        Raises:
            _DiedError: it has ended without one.
        """
        self._begun = False
        return await self._unless_it_dies(self._exchange(job))

    def kill(self) -> None:
        """End it now."""
        self._writer.close()
        if not self._ended.done():
            with suppress(ProcessLookupError):
                self._process.kill()

    async def leave(self) -> None:
        """Tell it that there is no more to do, and wait until it has ended."""
        if self._writer.can_write_eof() and not self._writer.is_closing():
            self._writer.write_eof()
        await asyncio.wait({self._ended}, timeout=LEAVE_SECONDS)
        self.kill()
        await self.gone()

    async def gone(self) -> None:
        """Wait until it has ended."""
        await asyncio.wait({self._ended})

    def when_gone(self, callback: Any) -> None:
        """Have something called then."""
        self._ended.add_done_callback(lambda _: callback())

    async def _greet(self) -> None:
        await send(self._writer, estate(tells_memory=self._tells_memory))
        if await receive(self._reader) != READY:
            raise EOFError

    async def _exchange(self, job: bytes) -> bytes:
        await send(self._writer, job)
        if await receive(self._reader) != BEGUN:
            raise EOFError
        self._begun = True
        if self._tells_memory:
            self.memory = int(await receive(self._reader))
        answer = await receive(self._reader)
        self.jobs += 1
        return answer

    async def _unless_it_dies(self, exchange: Coroutine[Any, Any, R]) -> R:
        talking = asyncio.create_task(exchange)
        try:
            await asyncio.wait({talking, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if not talking.done():
                await asyncio.wait({talking}, timeout=LAST_WORDS)
            if not talking.done():
                raise EOFError
            return talking.result()
        except (EOFError, OSError):
            raise _DiedError(await self._how_it_ended(), begun=self._begun) from None
        finally:
            talking.cancel()

    async def _how_it_ended(self) -> str:
        await asyncio.wait({self._ended}, timeout=LEAVE_SECONDS)
        if not self._ended.done():
            return "it closed its line to the worker"
        code = self._ended.result()
        return f"exit code {code}" if code >= 0 else _signal(-code)


def _end_by(death: _DiedError, request: Request) -> Failed | Interrupted:
    if not death.begun:  # which is not the task's fault, and may be over soon
        return Interrupted(f"no process could be had for it: {death}", delay=ANOTHER_TRY)
    lost = WorkerLostError(
        f"the process that ran {request.task}[{request.id}] died before the task ended: {death}"
    )
    return Failed(lost, Failure.of(lost), lost=True)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # the realtime ones have no name
        return f"signal {number}"
