"""Where `def` tasks run: a bounded set of threads that never keeps a process from ending.

The standard executors join their threads at exit, so one stuck call keeps a stopped worker alive
for ever (python/cpython#111358). These are daemon threads, made when needed and kept until the pool
is closed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from msgspec import Struct

R = TypeVar("R")


class _Job(Struct, eq=False):
    call: Callable[[], Any]
    context: Context
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class ThreadPool:
    """Runs blocking calls in up to `size` threads, each call in a copy of its caller's context."""

    def __init__(self, size: int, *, name: str = "asynq-task") -> None:
        if size < 1:
            raise ValueError(f"a thread pool needs at least one thread, not {size}")
        self.size = size
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads = 0
        self._closed = False

    async def run(self, call: Callable[[], R]) -> R:
        """Call it in a thread and wait for what it returns or raises.

        Cancelling the wait leaves a call that has begun alone: a thread can't be stopped. One that
        still waits for a thread is dropped.
        """
        if self._closed:
            raise RuntimeError("the thread pool is closed")
        loop = asyncio.get_running_loop()
        job = _Job(call, copy_context(), loop, loop.create_future())
        self._jobs.put(job)
        self._make_room()
        return await job.done  # type: ignore[no-any-return]

    def close(self) -> None:
        """Let idle threads end; a call that runs goes on, with nobody waiting."""
        self._closed = True
        for _ in range(self._threads):
            self._jobs.put(None)

    def _make_room(self) -> None:
        if self._idle.acquire(blocking=False) or self._threads == self.size:
            return
        self._threads += 1
        name = f"{self._name}-{self._threads}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            if not job.done.cancelled():
                _perform(job)
            del job  # an idle thread must not keep the last call's arguments alive

    def _next(self) -> _Job | None:
        try:
            return self._jobs.get_nowait()
        except Empty:
            self._idle.release()
            return self._jobs.get()


def _perform(job: _Job) -> None:
    try:
        value = job.context.run(job.call)
    except BaseException as error:  # SystemExit too: it ends the task, never the thread
        _deliver(job, job.done.set_exception, error)
    else:
        _deliver(job, job.done.set_result, value)


def _deliver(job: _Job, setter: Callable[[Any], None], result: Any) -> None:
    def finish() -> None:
        if not job.done.cancelled():
            setter(result)

    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        job.loop.call_soon_threadsafe(finish)
