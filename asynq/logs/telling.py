"""INFO lines about tasks, of which a busy worker says tens of thousands a second.

Where our own handler is the only one that would see the record, and nobody looks at it on its way,
the line is written without one: a record is nine tenths of what such a line costs. Whoever adds a
handler, a filter or a factory of records, or puts a function of his own into `logging`, gets
records as ever.
"""

from __future__ import annotations

import logging
import os
from types import FunctionType
from typing import Final

from asynq._time import time
from asynq.logs.formats import TASKS
from asynq.logs.handlers import LineHandler
from asynq.request import Request, current

logger: Final = logging.getLogger(TASKS)

_WAY: Final = ("info", "_log", "makeRecord", "handle", "callHandlers")
"""The functions of `logging.Logger` that a record goes through."""


class _Ours:
    """What `set_up` has made, last."""

    handler: LineHandler | None = None


def write_to(handler: LineHandler) -> None:
    """The handler to which lines may go without a record."""
    _Ours.handler = handler


def tell(request: Request, words: str, *values: object) -> None:
    """Say something of a task, at INFO. Whether anybody listens is looked at before.

    Args:
        request: Of the task.
        words: What to say, with places for values, as `logging` has it.
        values: What to put there.
    """
    handler = _Ours.handler
    if handler is not None and (handler.waits or _is_clear(handler)):
        handler.gather(handler.form.line(words % values, request, time()))
        return
    token = current.set(request)
    try:
        logger.info(words, *values, stacklevel=2)
    finally:
        current.reset(token)


def _is_clear(handler: LineHandler) -> bool:
    """Would a record come to this handler alone, as `logging` makes it?"""
    return (
        handler.direct
        and _handlers() == [handler]
        and not logger.filters
        and type(logger) is logging.Logger
        and logging.getLogRecordFactory() is logging.LogRecord
        and all(_is_pythons_own(name) for name in _WAY)
    )


def _handlers() -> list[logging.Handler]:
    """All that a record of the logger goes to."""
    found: list[logging.Handler] = []
    each: logging.Logger | None = logger
    while each is not None:
        found += each.handlers
        each = each.parent if each.propagate else None
    return found


def _is_pythons_own(name: str) -> bool:
    function = vars(logging.Logger)[name]
    return isinstance(function, FunctionType) and function.__globals__ is vars(logging)


def _write_before_fork() -> None:
    """Else both processes would write the same lines."""
    handler = _Ours.handler
    if handler is not None and handler.waits:
        handler.flush()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_write_before_fork)
