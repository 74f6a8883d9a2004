"""Whether a task runs again after an error, when, and the message of that run.

The life of a retry: the task raises `Retry` (`raise self.retry(…)`), or an error that its
`autoretry_for` names. `asked` and `decide` make a `Retrying` of it, or say that there is none left.
The run's settlement then asks `next_message` for what goes back to the queue: the same task id, the
same deadline, one retry more.

What is counted comes with the message and lives in the request of this one run, never on the task,
which all its runs share.
"""

from __future__ import annotations

import random
import reprlib
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Protocol

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from asynq._time import time, to_timestamp
from asynq.exceptions import Ignore, MaxRetriesExceededError, Reject, Retry
from asynq.execution.outcome import Retrying
from asynq.options import read_retry_options
from asynq.request import Request
from asynq.wire.arguments import Encoded
from asynq.wire.envelope import JSON
from asynq.wire.failures import Failure
from asynq.wire.message import Message
from asynq.wire.serialization import CODECS

MOST_DOUBLINGS: Final = 64
"""A backoff has met any `retry_backoff_max` long before; floats end soon after."""


class Policy(Struct, frozen=True, kw_only=True):
    """How a task is retried: its options, as `asynq.options.TaskOptions` tells them."""

    max_retries: int | None = 3
    retry_for: float | None = None
    default_delay: float = 180.0
    autoretry_for: tuple[type[BaseException], ...] = ()
    dont_autoretry_for: tuple[type[BaseException], ...] = ()
    changes: Mapping[str, Any] = {}
    """The task's `retry_kwargs`."""
    backoff: float = 0.0
    backoff_max: float = 600.0
    jitter: bool = True
    zone: tzinfo | None = UTC
    """Of an `eta` that names none; None: the machine's own."""

    def allows(self, request: Request, limit: int | UnsetType | None = UNSET) -> bool:
        """May the run of that request be followed by another?

        Args:
            request: Of the run.
            limit: How many retries there may be, in place of the task's own; None: no limit.
        """
        if self.retry_for is not None:
            began = request.attempts[0].started if request.attempts else time()
            if time() - began >= self.retry_for:
                return False
        if limit is UNSET:
            limit = self.max_retries if self.retry_for is None else None
        return limit is None or request.retries < limit

    def due(self, changes: dict[str, Any]) -> float | datetime:
        """When a retry comes that says no more than its changes; takes that out of them."""
        eta: datetime | None = changes.pop("eta", None)
        countdown: float | None = changes.pop("countdown", None)
        if countdown is not None:
            return countdown
        return self.default_delay if eta is None else eta

    def pause(self, retries: int) -> float:
        """Seconds before the retry that follows so many, by `retry_backoff`."""
        longest = min(self.backoff_max, self.backoff * 2.0 ** min(retries, MOST_DOUBLINGS))
        # All of it is random: clients that failed together must not come back together.
        return random.uniform(0.0, longest) if self.jitter else longest


class Retried(Protocol):
    """What a retry needs to know of a task."""

    @property
    def parameters(self) -> Writer:
        """Writes its arguments."""
        ...


class Writer(Protocol):
    """Writes the arguments of a task."""

    def encode(
        self, args: Sequence[object], kwargs: Mapping[str, object], serializer: str = ...
    ) -> Encoded:
        """The arguments as a message holds them."""
        ...


def asked(retry: Retry, request: Request, policy: Policy) -> Retrying:
    """The outcome of a run that asks to be retried.

    Raises:
        MaxRetriesExceededError, or the retry's own `exc`: it may not.
        TypeError, ImproperlyConfigured: what it asks for makes no sense.
    """
    changes = read_retry_options(retry.changes, f"{request.task}.retry()")
    limit = changes.pop("max_retries", UNSET)
    if not policy.allows(request, limit):
        raise refused(request, retry.exc)
    delay, due = _when(retry, changes, policy)
    return _retrying(retry.exc or retry, changes, policy, delay, due)


def decide(error: BaseException, request: Request, policy: Policy) -> Retrying | None:
    """The outcome of a run that raised, where the task is retried for it; None: it has failed."""
    if not isinstance(error, policy.autoretry_for) or isinstance(error, policy.dont_autoretry_for):
        return None
    if isinstance(error, Ignore | Reject | Retry) or error is request.spent:
        return None
    changes = dict(policy.changes)
    limit = changes.pop("max_retries", UNSET)
    if not policy.allows(request, limit):
        return None
    if policy.backoff:
        changes["countdown"] = policy.pause(request.retries)
    delay, due = _when(Retry(), changes, policy)
    return _retrying(error, changes, policy, delay, due)


def refused(request: Request, error: BaseException | None) -> BaseException:
    """What a task is told that asks for a retry and may have none: the error it asked for."""
    if error is None:
        # Without the arguments, which Celery names here: errors are logged, and those are not.
        error = MaxRetriesExceededError(
            f"Can't retry {request.task}[{request.id}]: no retry is left, it has had "
            f"{request.retries}"
        )
    request.spent = error
    return error


def handled() -> BaseException | None:
    """The error that an `except` around here is handling."""
    error = sys.exc_info()[1]
    return None if isinstance(error, Retry) else error


def next_message(
    message: Message, request: Request, retrying: Retrying, task: Retried, now: float
) -> tuple[Message, float, float | None]:
    """What goes back to the queue for the next run.

    Args:
        message: Of the run that has ended.
        request: Of it.
        retrying: How it ended.
        task: Whose it is.
        now: Unix time.

    Returns:
        The message; the seconds it waits; the Unix time it waits for, which stands over them.

    Raises:
        EncodeError: new arguments can't be written.
    """
    changes = retrying.changes
    delay, due = retrying.delay, retrying.due
    eta = due if due is not None else now + delay if delay else None
    fields: dict[str, Any] = {name: changes[name] for name in _KEPT if name in changes}
    if "args" in changes or "kwargs" in changes:
        fields |= _arguments(message, request, changes, task)
    again = replace(message, retries=message.retries + 1, eta=eta, unknown_since=None, **fields)
    return again, delay, due


def brief(value: object) -> str:
    """What it looks like, cut where that is long, whatever its `__repr__` does."""
    return _brief.repr(value)


_brief: Final = reprlib.Repr()
_brief.maxstring = _brief.maxother = 200

_KEPT: Final = (
    "expires", "time_limit", "soft_time_limit", "priority", "headers", "ignore_result",
    "result_expires", "shadow",
)  # fmt: skip
"""Changes that are fields of the message by the same name."""


def _when(retry: Retry, changes: dict[str, Any], policy: Policy) -> tuple[float, float | None]:
    if retry.when is not None:
        name = "eta" if isinstance(retry.when, datetime) else "countdown"
        changes = read_retry_options({name: retry.when}, "Retry()")
    when = policy.due(changes)
    return (0.0, to_timestamp(when, policy.zone)) if isinstance(when, datetime) else (when, None)


def _retrying(
    error: BaseException,
    changes: dict[str, Any],
    policy: Policy,
    delay: float,
    due: float | None,
) -> Retrying:
    changes = {name: each for name, each in changes.items() if name not in ("countdown", "eta")}
    expires = changes.get("expires")
    if expires is not None:
        later = isinstance(expires, float)
        changes["expires"] = time() + expires if later else to_timestamp(expires, policy.zone)
    if "result_expires" in changes:
        changes["result_expires"] = changes["result_expires"] or 0.0
    return Retrying(error, Failure.of(error), delay=delay, due=due, changes=changes)


def _arguments(
    message: Message, request: Request, changes: Mapping[str, Any], task: Retried
) -> dict[str, Any]:
    """The fields of a message with other arguments; what is not changed stays as it came."""
    args = changes.get("args", request.args)
    kwargs = changes.get("kwargs", request.kwargs)
    serializer = message.content or JSON
    both = task.parameters.encode(args, kwargs, serializer)
    fields = dict(zip(("args", "kwargs", "content"), both, strict=True))
    apart = serializer in CODECS  # of any other serializer the two are one
    return {name: each for name, each in fields.items() if name in changes or not apart}
