"""The one place where a worker sets logging up."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from asynq.logs.formats import JSON, MAIN_PROCESS, JsonFormatter, TaskFields, TextFormatter
from asynq.logs.handlers import FileHandler, LineHandler
from asynq.logs.telling import write_to


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
        logfile: append here instead; when it is moved away, a new one is begun.
        hijack_root: take the root logger over, so that all libraries' records look alike; else
            only asynq's own.
        process_name: what this process is called in the lines.

    Raises:
        ValueError: there is no such level.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"no log level {level!r}: DEBUG, INFO, WARNING, ERROR or CRITICAL")
    if color is None:
        color = logfile is None and sys.stderr.isatty()
    form = (
        JsonFormatter()
        if log_format == JSON
        else TextFormatter(log_format, task_format, color=color, process_name=process_name)
    )
    fields = TaskFields(process_name)
    handler = (
        LineHandler(sys.stderr, form, fields)
        if logfile is None
        else FileHandler(logfile, form, fields)
    )
    logger = logging.getLogger() if hijack_root else logging.getLogger("asynq")
    logger.handlers[:] = [handler]
    logger.setLevel(number)
    write_to(handler)
