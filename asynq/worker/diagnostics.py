"""SIGUSR1: the stacks of every task and every thread, into the log, while all goes on."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType

logger = logging.getLogger("asynq.worker")


def dump_stacks() -> str:
    """The stacks of all asyncio tasks of the running loop and of all threads, as text."""
    out = io.StringIO()
    for task in sorted(asyncio.all_tasks(), key=lambda task: task.get_name()):
        print(f"── task {task.get_name()} ── {task.get_coro()!r}", file=out)
        for frame in _awaiting(task.get_coro()):
            traceback.print_stack(frame, limit=1, file=out)
    frames = sys._current_frames()
    for thread in threading.enumerate():
        print(f"── thread {thread.name}{' (daemon)' if thread.daemon else ''}", file=out)
        if thread.ident in frames:
            traceback.print_stack(frames[thread.ident], file=out)
    return out.getvalue()


def stack_of(task: asyncio.Task[None]) -> str:
    """Where an asyncio task is, as Python prints it; the innermost line last."""
    frames = ((frame, frame.f_lineno) for frame in _awaiting(task.get_coro()))
    return "".join(traceback.StackSummary.extract(frames).format())


def log_stacks() -> None:
    """Write the stacks to the log, as a warning: they were asked for."""
    logger.warning("Stacks, as asked by SIGUSR1:\n%s", dump_stacks())


def _awaiting(coroutine: object) -> Iterator[FrameType]:
    """The frames of a coroutine and of what it awaits, the innermost last.

    `Task.get_stack` stops at the outermost, which is always our own.
    """
    while coroutine is not None:
        for kind in ("cr", "gi", "ag"):
            frame = getattr(coroutine, f"{kind}_frame", None)
            if frame is not None:
                yield frame
                break
        else:
            return
        inner = "gi_yieldfrom" if kind == "gi" else f"{kind}_await"
        coroutine = getattr(coroutine, inner, None)
