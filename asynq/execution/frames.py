"""What of a stack is the task's: shown to people, our frames only hide the line that matters."""

from __future__ import annotations

from traceback import StackSummary, walk_stack
from types import FrameType, TracebackType
from typing import Final

_OURS: Final = ("asynq.contrib.", "asynq.execution.", "asynq.task.", "asynq.wire.", "asynq.worker.")
"""What a task is run by."""

_LOOP: Final = ("asyncio.base_events", "asyncio.events", "asyncio.runners")
"""What an event loop is run by; uvloop leaves no frames but those of `asyncio.runners`."""


def since_task(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without what runs tasks, at its start; None: it is all ours."""
    while traceback is not None and _module(traceback.tb_frame).startswith(_OURS):
        traceback = traceback.tb_next
    return traceback


def stack_since_task(frame: FrameType) -> str:
    """A thread's stack as Python prints it, without the event loop and what starts and runs it.

    The whole of it where the loop is busy with nothing else.
    """
    frames = list(walk_stack(frame))[::-1]
    begin = 0
    for at, (each, _) in enumerate(frames):
        if _module(each) in _LOOP:
            begin = at + 1
    while begin < len(frames) and _module(frames[begin][0]).startswith(_OURS):
        begin += 1
    return "".join(StackSummary.extract(iter(frames[begin:] or frames)).format())


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
