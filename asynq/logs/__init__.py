"""The log of a worker: records that know their task, and how they are written.

What is logged comes in part from messages, so from anybody who can write to the server: a line
can't act on the terminal that shows it, and nothing in a record can look like another record. Lines
after the first one are indented, and everything that is no plain text is escaped.

A record written while a task runs carries `task_name` and `task_id`, whatever logger it came from,
so a library's own log lines can be traced to the task that caused them.
"""

from __future__ import annotations

import logging

from asynq.logs.formats import JSON, MAIN_PROCESS
from asynq.logs.handlers import point_output_to
from asynq.logs.setup import set_up
from asynq.logs.telling import tell

__all__ = ["JSON", "MAIN_PROCESS", "get_task_logger", "point_output_to", "set_up", "tell"]


def get_task_logger(name: str) -> logging.Logger:
    """A logger for a module of tasks, by Celery's name; any logger does the same here."""
    return logging.getLogger(name)
