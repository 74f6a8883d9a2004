"""Log records that know their task, and the one place where a worker sets logging up.

What is logged comes in part from messages, so from anybody who can write to the server: a line
can't act on the terminal that shows it, and nothing in a record can look like another record. Lines
after the first one are indented, and everything that is no plain text is escaped.

A record written while a task runs carries `task_name` and `task_id`, whatever logger it came from,
so a library's own log lines can be traced to the task that caused them.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Final

import msgspec

from asynq._printable import printable_lines
from asynq._time import from_timestamp
from asynq.request import current

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


def get_task_logger(name: str) -> logging.Logger:
    """A logger for a module of tasks, by Celery's name; any logger does the same here."""
    return logging.getLogger(name)


class TaskFields(logging.Filter):
    """Puts `task_name` and `task_id` on every record; None outside a task.

    Args:
        process_name: What `%(processName)s` says in place of ``MainProcess``.
    """

    def __init__(self, process_name: str = MAIN_PROCESS) -> None:
        super().__init__()
        self._process_name = process_name

    def filter(self, record: logging.LogRecord) -> bool:
        if record.processName == MAIN_PROCESS:
            record.processName = self._process_name
        request = current.get()
        record.task_name = request.task if request else None
        record.task_id = request.id if request else None
        return True


class TextFormatter(logging.Formatter):
    """Celery's lines: one form outside tasks, one that names the task inside."""

    def __init__(self, outside: str, inside: str, *, color: bool) -> None:
        super().__init__(outside)
        self._inside = logging.Formatter(inside)
        self._color = color

    def format(self, record: logging.LogRecord) -> str:
        inside = getattr(record, "task_id", None) is not None and record.name != TASKS
        text = self._inside.format(record) if inside else super().format(record)
        text = printable_lines(text.rstrip("\n"), INDENT)
        color = COLORS.get(record.levelno) if self._color else None
        return f"{color}{text}{RESET}" if color else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": from_timestamp(record.created).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": _whole(record.getMessage()),
            "process": record.process,
        }
        if (task_id := getattr(record, "task_id", None)) is not None:
            line |= {"task_name": getattr(record, "task_name", None), "task_id": task_id}
        if record.exc_info:
            line["traceback"] = _whole(self.formatException(record.exc_info))
        return printable_lines(msgspec.json.encode(line).decode())


def _whole(text: str) -> str:
    """The text with half characters written out, which UTF-8 does not have."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def set_up(
    level: str,
    *,
    log_format: str,
    task_format: str,
    color: bool | None = None,
    logfile: Path | None = None,
    hijack_root: bool = True,
    process_name: str = MAIN_PROCESS,
) -> None:
    """Send log records to standard error, or to a file.

    Args:
        level: ``DEBUG`` to ``CRITICAL``, in any case.
        log_format: a `logging` format, or ``json``.
        task_format: the same for records written by a running task.
        color: None: where standard error is a terminal.
        logfile: append here instead.
        hijack_root: take the root logger over, so that all libraries' records look alike; else
            only asynq's own.
        process_name: what this process is called in the lines.

    Raises:
        ValueError: there is no such level.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"no log level {level!r}: DEBUG, INFO, WARNING, ERROR or CRITICAL")
    handler: logging.Handler = (
        logging.StreamHandler(sys.stderr) if logfile is None else logging.FileHandler(logfile)
    )
    if color is None:
        color = logfile is None and sys.stderr.isatty()
    handler.setFormatter(
        JsonFormatter()
        if log_format == JSON
        else TextFormatter(log_format, task_format, color=color)
    )
    handler.addFilter(TaskFields(process_name))
    logger = logging.getLogger() if hijack_root else logging.getLogger("asynq")
    logger.handlers[:] = [handler]
    logger.setLevel(number)
