"""The same calls for code without an event loop: `asynq.run(add.delay(4, 4))`.

One event loop runs in a thread of its own, one a process, begun at the first call and kept, so that
connections are reused from call to call. There is no second, blocking copy of the API: whatever can
be awaited can be run. A forked child begins a loop of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import inspect
import os
import threading
from collections.abc import Awaitable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Final, TypeVar

from asynq.request import lend

T = TypeVar("T")

STOP_SECONDS: Final = 2.0
"""How long what still runs has to end when the process does."""


def run(awaitable: Awaitable[T]) -> T:
    """Wait for it, from code that can't `await`: a script, a Django view, a `def` task.

    May be called from many threads at once; all share one background loop. Ctrl-C cancels what is
    waited for.

    Args:
        awaitable: What you would await: a coroutine, a `delay()`, a result.

    Returns:
        What awaiting it gives.

    Raises:
        RuntimeError: an event loop runs in this thread: write `await` instead.
        BaseException: whatever awaiting it raises.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        _drop(awaitable)
        raise RuntimeError(
            "asynq.run() was called where an event loop runs, and would block it: write "
            "`await …` instead"
        )
    if not inspect.isawaitable(awaitable):
        raise TypeError(f"asynq.run() takes what can be awaited, not {awaitable!r}")
    future = _background.submit(awaitable)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


class _Background:
    """The process's loop, and the thread it runs in."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: in a forked child the thread is gone, and the lock may be held for ever."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, awaitable: Awaitable[T]) -> Future[T]:
        """Have it awaited there. It sees the caller's context, so a task stays the parent of what
        it calls; but it can't lend the slot of a task that holds a thread meanwhile."""
        context = copy_context()
        context.run(lend.set, None)
        loop = self._running()
        return context.run(asyncio.run_coroutine_threadsafe, _awaited(awaitable), loop)

    def stop(self) -> None:
        """End the loop in order, at the end of the process."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(STOP_SECONDS)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="asynq-run", daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=STOP_SECONDS / 2))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _drop(awaitable: object) -> None:
    """Don't let it warn, on top of the error, that it was never awaited."""
    close = getattr(awaitable, "close", None)
    if close is not None:
        close()


_background = _Background()
atexit.register(_background.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_background.forget)
