"""An asyncio-native task queue with Celery's vocabulary.

::

    from asynq import Asynq

    app = Asynq("proj")

    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    result = await add.delay(4, 4)
    await result  # 8
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asynq import exceptions, signals
from asynq._imports import import_object
from asynq._version import __version__ as __version__
from asynq.app import Asynq
from asynq.blocking import run
from asynq.canvas import Signature, chain, chord, chunks, group, signature, xmap, xstarmap
from asynq.current import current_app, current_task, get_current_app
from asynq.dead import DeadLetter
from asynq.exceptions import (
    AsynqError,
    ChordError,
    Ignore,
    MaxRetriesExceededError,
    Reject,
    ResultLost,
    Retry,
    SoftTimeLimitExceeded,
    TaskRevokedError,
    TimeLimitExceeded,
)
from asynq.middleware import Middleware
from asynq.registry import shared_task
from asynq.request import Request
from asynq.result import AsyncResult, EagerResult, Submission, Update
from asynq.result.group import GroupResult
from asynq.routes import Queue
from asynq.task import Task
from asynq.wire.attempts import Attempt
from asynq.wire.failures import register_exception
from asynq.wire.serialization import register_serializer

if TYPE_CHECKING:
    from asynq.worker.worker import Worker

__all__ = [
    "AsyncResult",
    "Asynq",
    "AsynqError",
    "Attempt",
    "ChordError",
    "DeadLetter",
    "EagerResult",
    "GroupResult",
    "Ignore",
    "MaxRetriesExceededError",
    "Middleware",
    "Queue",
    "Reject",
    "Request",
    "ResultLost",
    "Retry",
    "Signature",
    "SoftTimeLimitExceeded",
    "Submission",
    "Task",
    "TaskRevokedError",
    "TimeLimitExceeded",
    "Update",
    "Worker",
    "chain",
    "chord",
    "chunks",
    "current_app",
    "current_task",
    "exceptions",
    "get_current_app",
    "group",
    "register_exception",
    "register_serializer",
    "run",
    "shared_task",
    "signals",
    "signature",
    "xmap",
    "xstarmap",
]

_LATER = {"Worker": "asynq.worker.worker:Worker"}
"""Loaded when first asked for: a service that only sends never needs them."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = import_object(_LATER[name])
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
