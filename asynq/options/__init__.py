"""What may be said about a task, and about one call of it: names, kinds of values, what is to come.

The same words stand in `@app.task(…)`, in the body of a `Task` class and in `apply_async(…)`. A
wrong word fails at once and says the nearest right one; a word of Celery's whose machinery this
release does not have raises `NotImplementedError`, because an option that is silently ignored is a
bug that shows weeks later.
"""

from __future__ import annotations

from asynq.options.kinds import NAME, NAMED
from asynq.options.reading import (
    PLAIN,
    Call,
    arguments,
    check_limits,
    is_task_option,
    read_call_options,
    read_option,
    read_retry_options,
    read_task_options,
)
from asynq.options.words import CallOptions, Pool, RetryOptions, TaskOptions

__all__ = [
    "NAME",
    "NAMED",
    "PLAIN",
    "Call",
    "CallOptions",
    "Pool",
    "RetryOptions",
    "TaskOptions",
    "arguments",
    "check_limits",
    "is_task_option",
    "read_call_options",
    "read_option",
    "read_retry_options",
    "read_task_options",
]
