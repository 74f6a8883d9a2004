"""The program that runs tasks in a child process: ``python -m asynq.execution.child``.

It reads jobs from a socket that it has from its parent and writes their answers back, one after the
other. An `async def` runs on its event loop, which lives as long as the child does. A `def` runs in
the main thread while the event loop stands still, so that it may do what any program may: run an
event loop of its own, handle signals.

It ends when the parent closes its side of the socket. When the parent is gone altogether, it ends
at once, whatever it does: nobody keeps the lease of its task any more.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import io
import os
import pickle
import resource
import select
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from contextvars import Context, copy_context
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from asynq import signals
from asynq._imports import import_object
from asynq.exceptions import TaskError
from asynq.execution.inheritance import load_script, take_over
from asynq.execution.limits import alarm
from asynq.execution.lines import BEGUN, READY, receive, send
from asynq.execution.outcome import Outcome
from asynq.execution.pools import Pools
from asynq.execution.portable import Job, answer_of, names_script, refusal_of
from asynq.execution.run import failed, run
from asynq.execution.threads import ThreadPool, raisable
from asynq.request import lend

R = TypeVar("R")

STOP_SIGNALS: Final = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP")
    if hasattr(signal, name)
]

PR_SET_PDEATHSIG: Final = 1
"""From <linux/prctl.h>: the signal to get when the parent's thread that started us ends."""

WITHOUT_PARENT: Final = 70
"""Our exit code where the parent is gone: EX_SOFTWARE of sysexits.h."""


class _App(Protocol):
    """What running here needs of an app."""

    def set_current(self) -> None: ...


class _Call(Struct):
    call: Callable[[], Any]
    context: Context
    soft: float | None
    done: asyncio.Future[Any]


class MainThread(ThreadPool):
    """A pool of one thread, the main one, in which the event loop runs at other times."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(1)
        self._loop = loop
        self._calls: deque[_Call] = deque()

    async def run(self, call: Callable[[], R], *, soft: float | None = None) -> R:
        """Stop the event loop, call it, and let the loop go on.

        Args:
            call: What to call.
            soft: Seconds after which `SoftTimeLimitExceeded` is raised in it; None: never.
        """
        done: asyncio.Future[R] = self._loop.create_future()
        self._calls.append(_Call(call, copy_context(), soft, done))
        self._loop.stop()
        return await done

    def run_until_done(self, work: asyncio.Task[None]) -> None:
        """Run the event loop, and in between what is to be called outside of it."""
        work.add_done_callback(lambda _: self._loop.stop())
        while not work.done():
            self._loop.run_forever()
            while self._calls:
                _perform(self._calls.popleft())


class ChildPools(Pools):
    """The pools of a child process: its main thread."""

    def __init__(self, main: MainThread) -> None:
        super().__init__(threads=1, processes=1)
        self._threads = main


def main() -> None:
    """Run jobs until there are no more."""
    for number in STOP_SIGNALS:
        # A terminal and systemd signal all processes of a worker. When to stop is the worker's to
        # say. Not SIG_IGN: that would be inherited by what a task starts.
        signal.signal(number, lambda *_: None)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # what tasks print is part of the worker's log
    line = socket.socket(fileno=int(sys.argv[1]))
    line.set_inheritable(False)
    _end_with_parent(line)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        thread = MainThread(runner.get_loop())
        serving = runner.get_loop().create_task(_serve(line, thread))
        thread.run_until_done(serving)
        serving.result()


def _end_with_parent(line: socket.socket) -> None:
    """Let this process end at once when its parent has."""

    def watch() -> None:
        poll = select.poll()
        poll.register(line.fileno(), 0)  # which tells of the other side's end alone
        poll.poll()
        os._exit(WITHOUT_PARENT)

    threading.Thread(target=watch, daemon=True).start()
    if sys.platform == "linux":
        # No thread gets to run beside C code that keeps the interpreter's lock.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


async def _serve(line: socket.socket, thread: MainThread) -> None:
    reader, writer = await asyncio.open_connection(sock=line)
    pools = ChildPools(thread)
    inherited = take_over(await receive(reader))
    await send(writer, READY)
    is_new = True
    while True:
        try:
            content = await receive(reader)
        except EOFError:
            break
        await send(writer, BEGUN)
        try:
            # Outside of the event loop: the modules of tasks are imported here.
            job, app = await thread.run(partial(_read, content, inherited.script))
        except BaseException as error:
            answer = refusal_of(error)
        else:
            if is_new:  # whoever listens is known only now: the modules of tasks connect
                is_new = False
                await signals.worker_process_init.send(None)
            answer = answer_of(await _outcome(job, app, pools), job.request)
        if inherited.tells_memory:
            await send(writer, b"%d" % _memory())
        await send(writer, answer)
    writer.close()


def _memory() -> int:
    """How much memory this process has, in bytes; where the system does not tell that, the most
    that it has had."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:  # no Linux
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return int(pages) * resource.getpagesize()


def _read(content: bytes, script: str | None) -> tuple[Job, _App | None]:
    if names_script(content):
        load_script(script)
    job: Job = pickle.loads(content)
    return job, None if job.home is None else import_object(job.home)


async def _outcome(job: Job, app: _App | None, pools: Pools) -> Outcome:
    """Run it in an asyncio task of its own, which it may cancel."""
    task, request, args, kwargs = job.task, job.request, job.args, job.kwargs
    on_loop = task.is_coroutine or task.pool == "loop"
    if app is not None:
        app.set_current()
    # A quarantined coroutine may wait for other tasks, as in the worker.
    lend.set(nullcontext if task.pool == "loop" else None)
    running = run(task, request, args, kwargs, pools, pool="loop" if on_loop else "thread")
    try:
        return await asyncio.create_task(running)
    except asyncio.CancelledError:
        return failed(task, TaskError(f"{request.task}[{request.id}] cancelled itself"))


def _perform(call: _Call) -> None:
    try:
        with alarm(call.soft):
            value = call.context.run(call.call)
    except BaseException as error:
        call.done.set_exception(raisable(error))
    else:
        call.done.set_result(value)


if __name__ == "__main__":
    main()
