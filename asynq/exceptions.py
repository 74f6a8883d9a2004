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
    │   └── ContentDisallowed       they could, but `accept_content` does not name their format
    ├── PayloadTooLarge             a message or a result is over the limit
    ├── QueueNotFound               the queue is not declared, and may not be made on the fly
    └── TaskError
        ├── NotRegistered           no task of that name here (also a KeyError)
        ├── AlreadyRegistered       two tasks of one name
        ├── TimeoutError            the result did not come in time (also the builtin)
        ├── WorkerLostError         the process that ran the task died
        └── RemoteError             an error raised by a task, of a type unknown here
"""

from __future__ import annotations

import builtins


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


class QueueNotFound(AsynqError, KeyError):  # noqa: N818 - Celery's name
    """The queue is not in `task_queues`, and `task_create_missing_queues` is off."""

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


class WorkerLostError(TaskError):
    """The process that ran the task ended before the task did."""


class RemoteError(TaskError):
    """An error raised by a task in another process, of a type that is not known here.

    `result.get()` raises a subclass of this that carries the original name.
    """
