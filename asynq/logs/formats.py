"""How a line looks: Celery's text, or JSON. Nothing in it can act on a terminal.

A line about a task that the worker says is so frequent that it may be written without a record
being made for it (`asynq.logs.telling`): `line` writes what `format` would have.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from time import localtime, strftime
from typing import Final, Protocol

import msgspec

from asynq._printable import printable_lines
from asynq._time import from_timestamp
from asynq.request import Request, current

JSON: Final = "json"
"""The value of `worker_log_format` that asks for one JSON object a line."""

TASKS: Final = "asynq.worker.tasks"
"""The worker's logger for what becomes of tasks: its lines name the task themselves."""

MAIN_PROCESS: Final = "MainProcess"
"""What Python calls a process that `multiprocessing` has not started."""

COLORS: Final = {
    logging.DEBUG: "\x1b[34m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[35;1m",
}
RESET: Final = "\x1b[0m"

INDENT: Final = "    "
"""What the lines of a record begin with, the first one excepted."""

_MESSAGE: Final = "%(message)s"
_FIELD: Final = re.compile(r"%\((\w+)\)")
_SAME_FOR_ALL: Final = frozenset(
    {"asctime", "levelname", "levelno", "name", "process", "processName"}
)
"""What is the same in all lines about tasks of one millisecond."""


class TaskFields(logging.Filter):
    """Puts `task_name` and `task_id` on every record; None outside a task.

    Args:
        process_name: What `%(processName)s` says in place of ``MainProcess``.
    """

    def __init__(self, process_name: str = MAIN_PROCESS) -> None:
        super().__init__()
        self._process_name = process_name

    def filter(self, record: logging.LogRecord) -> bool:
        """Put them on the record, which is always kept."""
        if record.processName == MAIN_PROCESS:
            record.processName = self._process_name
        request = current.get()
        record.task_name = request.task if request else None
        record.task_id = request.id if request else None
        return True


class Direct(Protocol):
    """A formatter that writes INFO lines about tasks without a record."""

    direct: bool
    """It does so: the form asks for nothing that only a record knows."""

    def line(self, message: str, request: Request, now: float) -> str:
        """What it makes of a record of `TASKS`.

        Args:
            message: What is said.
            request: Whom it is about.
            now: Unix time, seconds.
        """


class Clock:
    """Shows moments, and works each millisecond out once: a busy log has many lines in one.

    Args:
        show: A Unix time (seconds) as text.
    """

    __slots__ = ("_known", "_show")

    def __init__(self, show: Callable[[float], str]) -> None:
        self._show = show
        self._known = -1, ""

    def read(self, now: float) -> str:
        """A Unix time (seconds) as text."""
        millisecond = int(now * 1000)
        known, text = self._known
        if known != millisecond:
            text = self._show(now)
            self._known = millisecond, text
        return text


def _local(now: float) -> str:
    """As `logging` writes the time: ``2026-11-22 22:02:03,456``."""
    second = int(now)
    date = strftime(logging.Formatter.default_time_format, localtime(second))
    return f"{date},{int((now - second) * 1000):03d}"


def _iso(now: float) -> str:
    return from_timestamp(now).isoformat(timespec="milliseconds")


class _Text(logging.Formatter):
    """A form of `logging`, and its clock."""

    def __init__(self, form: str) -> None:
        super().__init__(form)
        self._clock = Clock(_local)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return self._clock.read(record.created)


class TextFormatter(_Text):
    """Celery's lines: one form outside tasks, one that names the task inside.

    Args:
        outside: a `logging` format.
        inside: the same for records written by a running task.
        color: show the level by a colour.
        process_name: What this process is called.
    """

    def __init__(
        self, outside: str, inside: str, *, color: bool, process_name: str = MAIN_PROCESS
    ) -> None:
        super().__init__(outside)
        self._made = partial(TextFormatter, outside, inside, color=color, process_name=process_name)
        self._inside = _Text(inside)
        self._color = color
        before = outside.removesuffix(_MESSAGE)
        known = {*_FIELD.findall(before)} <= _SAME_FOR_ALL and not before.endswith("%")
        self.direct = known and before != outside
        self._before = Clock(
            lambda now: (
                before
                % {
                    "asctime": _local(now),
                    "levelname": "INFO",
                    "levelno": logging.INFO,
                    "name": TASKS,
                    "process": os.getpid(),
                    "processName": process_name,
                }
            )
        )

    def __reduce__(self) -> tuple[Callable[[], TextFormatter], tuple[()]]:
        # Child processes are given it, and a clock's function goes nowhere.
        return self._made, ()

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, in the form for inside or for outside a task: lines after the first
        are indented, and nothing in it is what a terminal would obey."""
        inside = getattr(record, "task_id", None) is not None and record.name != TASKS
        text = self._inside.format(record) if inside else super().format(record)
        text = printable_lines(text.rstrip("\n"), INDENT)
        color = COLORS.get(record.levelno) if self._color else None
        return f"{color}{text}{RESET}" if color else text

    def line(self, message: str, request: Request, now: float) -> str:
        """As `Direct` has it."""
        text = self._before.read(now) + message
        return text if text.isprintable() else printable_lines(text.rstrip("\n"), INDENT)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    direct = True

    def __init__(self) -> None:
        super().__init__()
        self._clock = Clock(_iso)

    def format(self, record: logging.LogRecord) -> str:
        """Its object: ``time``, ``level``, ``logger``, ``message`` and ``process``; inside a task
        ``task_name`` and ``task_id``; with an error ``traceback``."""
        line = {
            "time": self._clock.read(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": _whole(record.getMessage()),
            "process": record.process,
        }
        if (task_id := getattr(record, "task_id", None)) is not None:
            name = getattr(record, "task_name", None)
            line |= {"task_name": _whole(str(name)), "task_id": _whole(str(task_id))}
        if record.exc_info:
            line["traceback"] = _whole(self.formatException(record.exc_info))
        return _json(line)

    def line(self, message: str, request: Request, now: float) -> str:
        """As `Direct` has it."""
        return _json(
            {
                "time": self._clock.read(now),
                "level": "INFO",
                "logger": TASKS,
                "message": _whole(message),
                "process": os.getpid(),
                "task_name": _whole(request.task),
                "task_id": _whole(str(request.id)),
            }
        )


_encode = msgspec.json.Encoder().encode


def _json(line: Mapping[str, object]) -> str:
    text = _encode(line).decode()
    if text.isascii() and "\x7f" not in text:  # the other controls are escaped in JSON
        return text
    return printable_lines(text)


def _whole(text: str) -> str:
    """The text with half characters written out, which UTF-8 does not have."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()
