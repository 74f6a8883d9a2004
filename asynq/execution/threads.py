"""Where `def` tasks run: a bounded set of threads that never keeps a process from ending.

The standard executors join their threads at exit, so one stuck call keeps a stopped worker alive
for ever (python/cpython#111358). These are daemon threads, made when needed and kept until the pool
is closed.

A thread can't be stopped from outside. What can be done about a call that runs too long:

A soft limit
    raises `SoftTimeLimitExceeded` in the thread, when it runs Python code next. A call that waits
    in C (a socket without a timeout, `time.sleep`) is told when that is over.
Cancelling the wait
    abandons the call: nobody looks at how it ends, another thread takes the place of its own, and
    the pool counts it (`abandoned`) until it ends by itself, and its thread with it.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from msgspec import Struct

from asynq.exceptions import SoftTimeLimitExceeded
from asynq.execution.limits import exceeded_class

R = TypeVar("R")


class _Job(Struct, eq=False):
    call: Callable[[], Any]
    context: Context
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]
    soft: float | None
    is_running: bool = False
    is_abandoned: bool = False


class ThreadPool:
    """Runs blocking calls in up to `size` threads, each call in a copy of its caller's context."""

    def __init__(self, size: int, *, name: str = "asynq-task") -> None:
        if size < 1:
            raise ValueError(f"a thread pool needs at least one thread, not {size}")
        self.size = size
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        """Held where a call begins, ends and is abandoned, and where threads are counted."""
        self._threads = 0
        self._made = 0
        self._abandoned = 0
        self._closed = False

    @property
    def abandoned(self) -> int:
        """How many threads run a call that nobody waits for any more."""
        return self._abandoned

    async def run(self, call: Callable[[], R], *, soft: float | None = None) -> R:
        """Call it in a thread and wait for what it returns or raises.

        Cancelling the wait abandons a call that has begun: a thread can't be stopped. One that
        still waits for a thread is dropped.

        Args:
            call: What to call.
            soft: Seconds after which `SoftTimeLimitExceeded` is raised in it; None: never. They
                begin when the call does.
        """
        if self._closed:
            raise RuntimeError("the thread pool is closed")
        loop = asyncio.get_running_loop()
        job = _Job(call, copy_context(), loop, loop.create_future(), soft)
        self._jobs.put(job)
        self._make_room()
        try:
            return await job.done  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            self._abandon(job)
            raise

    def close(self) -> None:
        """Let idle threads end; a call that runs goes on, with nobody waiting."""
        with self._lock:
            self._closed = True
            for _ in range(self._threads):
                self._jobs.put(None)

    def _make_room(self) -> None:
        if self._idle.acquire(blocking=False):
            return
        with self._lock:
            if self._threads == self.size:
                return
            self._threads += 1
            self._made += 1
            name = f"{self._name}-{self._made}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _abandon(self, job: _Job) -> None:
        with self._lock:
            if not job.is_running:
                return
            job.is_abandoned = True
            self._abandoned += 1
            self._threads -= 1
        if not self._jobs.empty():
            self._make_room()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            if self._begin(job):
                _perform(job)
                if not self._end(job):
                    return
            del job  # an idle thread must not keep the last call's arguments alive

    def _next(self) -> _Job | None:
        try:
            return self._jobs.get_nowait()
        except Empty:
            self._idle.release()
            return self._jobs.get()

    def _begin(self, job: _Job) -> bool:
        with self._lock:
            job.is_running = not job.done.cancelled()
            return job.is_running

    def _end(self, job: _Job) -> bool:
        """Is the thread still one of the pool's?"""
        with self._lock:
            job.is_running = False
            if job.is_abandoned:
                self._abandoned -= 1
            return not job.is_abandoned


class _Limit:
    """Raises `SoftTimeLimitExceeded` in one thread during one call, and never after it.

    Args:
        job: What the thread runs.
        seconds: How long it may take.
    """

    def __init__(self, job: _Job, seconds: float) -> None:
        self._job = job
        self._seconds = seconds
        self._thread: int | None = threading.get_ident()
        self._struck = False
        self._lock = threading.Lock()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Count from now; in the event loop's thread."""
        if self._thread is not None:
            self._timer = self._job.loop.call_later(self._seconds, self.strike)

    def strike(self) -> None:
        """The time is over."""
        with self._lock:
            if self._thread is not None:
                self._struck = True
                _raise_in(self._thread, exceeded_class(self._seconds))

    def lift(self) -> None:
        """The call has ended: when this returns, no error is on its way to the thread.

        Raises:
            SoftTimeLimitExceeded: one was, and has arrived; again, to be sure.
        """
        with self._lock:
            struck, self._struck, self._thread = self._struck, False, None
        if struck:
            _take_back()

    def cancel(self) -> None:
        """Count no more; in the event loop's thread."""
        if self._timer is not None:
            self._timer.cancel()


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Have a thread raise it when it runs Python code next, in place of what it was to raise."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


class _TakenBackError(BaseException):
    """Raised in a thread in place of what was on its way to it."""


def _take_back() -> None:
    """Have nothing on its way to this thread.

    Python can be told so (by a NULL), but until 3.13 all its threads go on looking for the error
    at every step, and a profiler on 3.11 never gets past that. One that arrives ends the search.
    """
    with suppress(_TakenBackError):
        _raise_in(threading.get_ident(), _TakenBackError)
        while True:  # at most one turn
            pass


class _Ending(Struct, frozen=True):
    """How a call has ended: what it returned, or raised."""

    value: Any = None
    error: BaseException | None = None


def raisable(error: BaseException) -> BaseException:
    """The error as it can be raised through a future, which `StopIteration` can't."""
    if not isinstance(error, StopIteration):
        return error
    raised = RuntimeError("the call raised StopIteration")
    raised.__cause__ = error
    return raised


def _perform(job: _Job) -> None:
    ending = _call(job) if job.soft is None else _call_within(job, job.soft)
    if ending.error is None:
        _deliver(job, job.done.set_result, ending.value)
    else:
        _deliver(job, job.done.set_exception, raisable(ending.error))


def _call(job: _Job) -> _Ending:
    try:
        return _Ending(job.context.run(job.call))
    except BaseException as error:  # SystemExit too: it ends the task, never the thread
        return _Ending(error=error)


def _call_within(job: _Job, seconds: float) -> _Ending:
    limit = _Limit(job, seconds)
    try:
        try:
            _tell(job, limit.start)
            ending = _call(job)
        except SoftTimeLimitExceeded as error:  # raised beside the call: just before, just after
            ending = _Ending(error=error)
        limit.lift()
    except SoftTimeLimitExceeded:  # it strikes once
        limit.lift()
    _tell(job, limit.cancel)
    return ending


def _deliver(job: _Job, setter: Callable[[Any], None], result: Any) -> None:
    def finish() -> None:
        if not job.done.cancelled():
            setter(result)

    _tell(job, finish)


def _tell(job: _Job, callback: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        job.loop.call_soon_threadsafe(callback)
