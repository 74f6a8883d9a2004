"""Every error asynq raises, drawn as a tree. Celery's names where Celery has one.

::

    AsynqError
    ├── ImproperlyConfigured        a setting, a URL or an option is wrong; says what was expected
    │   ├── OptionTypeError         an option of a task or a call: its type (also a TypeError)
    │   └── OptionValueError        the same: out of its range (also a ValueError)
    ├── OperationalError            the broker or the result backend can't be reached
    │   ├── BrokerFull              it can be reached, and has no room left
    │   └── BrokerRefused           it can be reached, and no further try would go better
    ├── EncodeError                 a value can't be written as a message
    ├── DecodeError                 bytes can't be read as a message
    │   ├── ContentDisallowed       they could, but `accept_content` does not name their format
    │   └── SecurityError           they are not signed by any key we trust, or can't be decrypted
    ├── PayloadTooLarge             a message or a result is over the limit
    ├── QueueNotFound               the queue is not declared, and may not be made on the fly
    ├── WorkflowNotFound            no workflow of that id is kept (also a KeyError)
    ├── ScheduleNotFound            no periodic task of that name is known (also a KeyError)
    └── TaskError
        ├── NotRegistered           no task of that name here (also a KeyError)
        ├── AlreadyRegistered       two tasks of one name
        ├── TimeoutError            the result did not come in time (also the builtin)
        ├── Retry                   raised in a task to have it run again; `self.retry()` does
        ├── Ignore                  raised in a task to store nothing of it
        │   └── Replaced            the same, by `self.replace()`: another has its place
        ├── Reject                  raised in a task to put its message aside, or back
        ├── MaxRetriesExceededError it was to be retried more often than it may
        ├── SoftTimeLimitExceeded   raised in a task whose `soft_time_limit` is over
        ├── TimeLimitExceeded       the task's `time_limit` was over, and it was ended
        ├── TaskRevokedError        the task was revoked, or had expired
        ├── ChordError              a member of a group has failed, and something waited for all
        ├── ResultLost              the server has lost its data: the result will never come
        ├── WorkerLostError         the process that ran the task died
        └── RemoteError             an error raised by a task, of a type unknown here
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import datetime
from typing import Any


class AsynqError(Exception):
    """What every error of asynq can be caught as."""


class ImproperlyConfigured(AsynqError):  # noqa: N818 - Celery's name
    """A setting, a URL or an option is wrong. The message says what was expected and what came."""


class OptionTypeError(ImproperlyConfigured, TypeError):
    """An option of a task or a call is of the wrong type."""


class OptionValueError(ImproperlyConfigured, ValueError):
    """An option of a task or a call has a value of the right type that it may not have."""


class OperationalError(AsynqError):
    """The broker or the result backend can't be reached, or refuses us.

    The message names the URL without its password, what was tried and for how long.
    """


class BrokerFull(OperationalError):  # noqa: N818 - the design's name
    """The server is out of memory and refused to store more. Nothing was sent."""


class BrokerRefused(OperationalError):  # noqa: N818 - beside BrokerFull
    """The server is there and is not for us: a wrong password, a missing permission, too old a
    server, keys of another layout. Trying again does not help; somebody must change something.
    """


class EncodeError(AsynqError):
    """A value can't be written in the chosen serializer's format."""


class DecodeError(AsynqError):
    """Bytes can't be read in the format they claim to be."""


class ContentDisallowed(DecodeError):  # noqa: N818 - kombu's name
    """The format is known, but `accept_content` does not name it."""


class PayloadTooLarge(AsynqError):  # noqa: N818 - the design's name
    """A message or a result is larger than the limit set for it."""


class SecurityError(DecodeError):
    """A message is not signed by any key we trust, or can't be decrypted. It was not decoded."""


class QueueNotFound(AsynqError, KeyError):  # noqa: N818 - Celery's name
    """The queue is not in `task_queues`, and `task_create_missing_queues` is off."""

    __str__ = Exception.__str__


class WorkflowNotFound(AsynqError, KeyError):  # noqa: N818 - beside QueueNotFound
    """No workflow of that id is kept, or not any more."""

    __str__ = Exception.__str__


class ScheduleNotFound(AsynqError, KeyError):  # noqa: N818 - beside QueueNotFound
    """No periodic task of that name is known."""

    __str__ = Exception.__str__


class TaskError(AsynqError):
    """Something about a task, rather than about the machinery around it."""


class NotRegistered(TaskError, KeyError):  # noqa: N818 - Celery's name
    """No task of that name is known to this app."""

    __str__ = Exception.__str__


class AlreadyRegistered(TaskError):  # noqa: N818 - Celery's name
    """A task of that name exists already, and is another function."""


class TimeoutError(TaskError, builtins.TimeoutError):
    """The result did not arrive in the time given to `get()`. The task goes on."""


class Retry(TaskError):  # noqa: N818 - Celery's name
    """Raised in a task: run it again. `self.retry()` makes and raises it.

    Args:
        message: For people.
        exc: The error that is the reason.
        when: Seconds from now, or a datetime; None: after the task's `default_retry_delay`.
        changes: What shall be different in the next run, by the names of `apply_async`; `args` and
            `kwargs` too.
    """

    def __init__(
        self,
        message: str | None = None,
        exc: BaseException | None = None,
        when: float | datetime | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message or f"Retry{'' if exc is None else f': {exc!r}'}")
        self.exc = exc
        self.when = when
        self.changes = changes or {}


class Ignore(TaskError):  # noqa: N818 - Celery's name
    """Raised in a task: it is over, and nothing of it is stored, so nobody may wait for it."""


class Replaced(Ignore):
    """Raised by `self.replace()`: another canvas has taken the task's place, and its id.

    Args:
        canvas: It, as plain values.
    """

    def __init__(self, canvas: Mapping[str, Any]) -> None:
        super().__init__("replaced")
        self.canvas = canvas

    def __reduce__(self) -> tuple[type[Replaced], tuple[Mapping[str, Any]]]:
        return type(self), (self.canvas,)


class Reject(TaskError):  # noqa: N818 - Celery's name
    """Raised in a task: put its message aside (it is kept as a dead letter), or back in its queue.

    Args:
        reason: For people.
        requeue: Back in the queue, to be run again after a second.
    """

    def __init__(self, reason: object = None, requeue: bool = False) -> None:
        super().__init__(str(reason) if reason is not None else "rejected")
        self.reason = reason
        self.requeue = requeue


class MaxRetriesExceededError(TaskError):
    """The task was to be retried once more than `max_retries` allows, without an error to raise."""


class SoftTimeLimitExceeded(TaskError):  # noqa: N818 - Celery's name
    """Raised inside a task whose `soft_time_limit` is over; it may catch it, and clean up."""


class TimeLimitExceeded(TaskError):  # noqa: N818 - Celery's name
    """The task's `time_limit` was over, and it was ended."""


class TaskRevokedError(TaskError):
    """The task was revoked (`revoked`, `terminated`), or had expired before it began."""


class ResultLost(TaskError):  # noqa: N818 - beside the design's names
    """The server came back without its data: what was waited for will never come."""


class ChordError(TaskError):
    """What follows a group can't run: a member has failed, was revoked, or will never end.

    Its text names the member; its `__cause__` is the error of that one.
    """


class WorkerLostError(TaskError):
    """The process that ran the task ended before the task did."""


class RemoteError(TaskError):
    """An error raised by a task in another process, of a type that is not known here.

    `result.get()` raises a subclass of this that carries the original name.
    """
