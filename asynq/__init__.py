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

from importlib import import_module

from asynq._version import __version__ as __version__

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers go by the name; `typing` is a third of what a probe costs
    from typing import Any

    from asynq import exceptions, signals
    from asynq.app import Asynq
    from asynq.beat.beat import Beat
    from asynq.blocking import run
    from asynq.canvas.chord import chord
    from asynq.canvas.group import group
    from asynq.canvas.pipe import chain
    from asynq.canvas.reading import signature
    from asynq.canvas.repeated import chunks, xmap, xstarmap
    from asynq.canvas.signature import Signature
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
    from asynq.schedules import crontab, schedule, solar
    from asynq.task import Task
    from asynq.wire.attempts import Attempt
    from asynq.wire.failures import register_exception
    from asynq.wire.serialization import register_serializer
    from asynq.worker.worker import Worker

__all__ = [
    "AsyncResult",
    "Asynq",
    "AsynqError",
    "Attempt",
    "Beat",
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
    "crontab",
    "current_app",
    "current_task",
    "exceptions",
    "get_current_app",
    "group",
    "register_exception",
    "register_serializer",
    "run",
    "schedule",
    "shared_task",
    "signals",
    "signature",
    "solar",
    "xmap",
    "xstarmap",
]

_LATER = {
    "AsyncResult": "asynq.result:AsyncResult",
    "Asynq": "asynq.app:Asynq",
    "AsynqError": "asynq.exceptions:AsynqError",
    "Attempt": "asynq.wire.attempts:Attempt",
    "Beat": "asynq.beat.beat:Beat",
    "ChordError": "asynq.exceptions:ChordError",
    "DeadLetter": "asynq.dead:DeadLetter",
    "EagerResult": "asynq.result:EagerResult",
    "GroupResult": "asynq.result.group:GroupResult",
    "Ignore": "asynq.exceptions:Ignore",
    "MaxRetriesExceededError": "asynq.exceptions:MaxRetriesExceededError",
    "Middleware": "asynq.middleware:Middleware",
    "Queue": "asynq.routes:Queue",
    "Reject": "asynq.exceptions:Reject",
    "Request": "asynq.request:Request",
    "ResultLost": "asynq.exceptions:ResultLost",
    "Retry": "asynq.exceptions:Retry",
    "Signature": "asynq.canvas:Signature",
    "SoftTimeLimitExceeded": "asynq.exceptions:SoftTimeLimitExceeded",
    "Submission": "asynq.result:Submission",
    "Task": "asynq.task:Task",
    "TaskRevokedError": "asynq.exceptions:TaskRevokedError",
    "TimeLimitExceeded": "asynq.exceptions:TimeLimitExceeded",
    "Update": "asynq.result:Update",
    "Worker": "asynq.worker.worker:Worker",
    "chain": "asynq.canvas:chain",
    "chord": "asynq.canvas:chord",
    "chunks": "asynq.canvas:chunks",
    "crontab": "asynq.schedules:crontab",
    "current_app": "asynq.current:current_app",
    "current_task": "asynq.current:current_task",
    "exceptions": "asynq.exceptions",
    "get_current_app": "asynq.current:get_current_app",
    "group": "asynq.canvas:group",
    "register_exception": "asynq.wire.failures:register_exception",
    "register_serializer": "asynq.wire.serialization:register_serializer",
    "run": "asynq.blocking:run",
    "schedule": "asynq.schedules:schedule",
    "shared_task": "asynq.registry:shared_task",
    "signals": "asynq.signals",
    "signature": "asynq.canvas:signature",
    "solar": "asynq.schedules:solar",
    "xmap": "asynq.canvas:xmap",
    "xstarmap": "asynq.canvas:xstarmap",
}
"""Where each is; loaded when first asked for: a probe needs none of it, and a service that only
sends needs no worker."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _LATER[name].partition(":")
    found = import_module(module)
    found = getattr(found, attribute) if attribute else found
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
