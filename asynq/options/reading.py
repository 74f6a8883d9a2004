"""From options as they were written to options checked, in the form the code works with."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeVar

from msgspec import UNSET, Struct, UnsetType

from asynq.conf.kinds import (
    FLAG,
    LIFETIME,
    ONLY_TRUE,
    OPTIONS,
    PRIORITY,
    QUEUE,
    RATE,
    SECONDS,
    SECONDS_ABOVE_ZERO,
    SERIALIZER,
    TEXT,
    Kind,
)
from asynq.exceptions import ImproperlyConfigured, OptionTypeError, OptionValueError
from asynq.options.kinds import (
    BACKOFF,
    CALLS,
    DELAY,
    ERRORS,
    EXPIRY,
    LISTED,
    NAME,
    NAMED,
    POOL,
    RETRIES,
    START,
)
from asynq.options.words import RetryOptions

R = TypeVar("R")


class Call(Struct, frozen=True, kw_only=True):
    """The options of one call, read."""

    task_id: str | None = None
    countdown: float | None = None
    eta: datetime | None = None
    expires: float | datetime | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None
    queue: str | None = None
    routing_key: str | None = None
    priority: int | None = None
    serializer: str | None = None
    headers: dict[str, object] | None = None
    ignore_result: bool | None = None
    result_expires: float | UnsetType | None = UNSET
    shadow: str | None = None
    publish_timeout: float | None = None
    retry: bool | None = None
    root_id: str | None = None
    parent_id: str | None = None
    link: tuple[Any, ...] | None = None
    link_error: tuple[Any, ...] | None = None
    workflow_timeout: float | None = None


PLAIN: Final = Call()
"""A call without options, which is what `delay` makes."""


def read_task_options(options: Mapping[str, object], owner: str) -> dict[str, Any]:
    """The options of a task, checked and in one form; those that are None are left out.

    Args:
        options: As they were written.
        owner: What they were written at, for error texts: ``@app.task of proj.add``.

    Raises:
        TypeError: an option that does not exist.
        NotImplementedError: one that this release does not have.
        OptionTypeError: a value of the wrong type.
        OptionValueError: a value that it may not have. (Both are `ImproperlyConfigured`.)
    """
    return _read(options, owner, _TASK_KINDS, _LATER_TASK_OPTIONS)


def read_call_options(options: Mapping[str, object], owner: str) -> Call:
    """The options of one call; raises as `read_task_options` does."""
    read = _read(options, owner, _CALL_KINDS, _LATER_CALL_OPTIONS)
    check_limits(read, owner)
    return Call(**read)


def check_limits(read: Mapping[str, Any], owner: str) -> None:
    """Of two limits the soft one must come first.

    Raises:
        OptionValueError: it would come when the run has been ended already.
    """
    soft, hard = read.get("soft_time_limit"), read.get("time_limit")
    if soft and hard and soft >= hard:
        raise OptionValueError(
            f"{owner}: soft_time_limit ({soft:g} s) must be below time_limit ({hard:g} s), which "
            "ends the run before it could be warned"
        )


def read_retry_options(options: Mapping[str, object], owner: str) -> dict[str, Any]:
    """What a retry changes, checked; raises as `read_task_options` does.

    Besides `RetryOptions` it may be `args`, `kwargs`, `countdown`, `eta` and `max_retries`.
    """
    return _read(options, owner, _RETRY_KINDS, _LATER_CALL_OPTIONS)


def arguments(
    args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Arguments as `apply_async` takes them.

    Raises:
        TypeError: not a list or tuple, and a dict.
    """
    if args is not None and not isinstance(args, list | tuple):
        raise TypeError(
            f"args: expected a list or a tuple, got {args!r}; for one, write ({args!r},)"
        )
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise TypeError(f"kwargs: expected a dict, got {kwargs!r}")
    return args or (), kwargs or {}


def is_task_option(name: str) -> bool:
    """Is it an option of tasks, in this release or a later one?"""
    return name in _TASK_KINDS or name in _LATER_TASK_OPTIONS


def _read(
    options: Mapping[str, object],
    owner: str,
    kinds: Mapping[str, Kind[Any, Any]],
    later: Collection[str],
) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in options.items():
        kind = kinds.get(name)
        if kind is None:
            _refuse(name, value, owner, kinds, later)
        elif value is not None or kind in _WITH_NONE:
            read[name] = read_option(name, value, owner, kind)
    return read


def read_option(name: str, value: object, owner: str, kind: Kind[R, Any]) -> R:
    """One value, checked and in the form the code works with; raises as `read_task_options`."""
    try:
        return kind.read(value)
    except NotImplementedError:
        raise NotImplementedError(f"{owner}: {name}={value!r} is not in this release yet") from None
    except ImproperlyConfigured as error:  # the kind has said it all
        raise OptionValueError(f"{owner}: {name}: {error}") from None
    except (ValueError, TypeError) as error:
        hint = f" ({error})" if str(error) else ""
        wrong = OptionTypeError if isinstance(error, TypeError) else OptionValueError
        raise wrong(f"{owner}: {name}: expected {kind.expected}, got {value!r}{hint}") from None


def _refuse(
    name: str, value: object, owner: str, known: Collection[str], later: Collection[str]
) -> None:
    if name in later:
        if value is None:
            return
        raise NotImplementedError(f"{owner}: the option {name!r} is not in this release yet")
    if name in _MEANINGLESS:
        raise TypeError(f"{owner}: there is no option {name!r}: {_MEANINGLESS[name]}")
    near = difflib.get_close_matches(name, [*known, *later, "name", "bind", "base"], n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
    raise TypeError(f"{owner}: there is no option {name!r}; {hint}")


def _retry_kwargs(value: object) -> Mapping[str, Any]:
    return MappingProxyType(read_retry_options(OPTIONS.read(value), "retry()"))


_WITH_NONE: Final = (LIFETIME, RETRIES)
"""Kinds for which None stands for something, rather than for an option not given."""

_TASK_KINDS: Final[Mapping[str, Kind[Any, Any]]] = {
    "queue": QUEUE,
    "routing_key": TEXT,
    "priority": PRIORITY,
    "serializer": SERIALIZER,
    "ignore_result": FLAG,
    "store_errors_even_if_ignored": FLAG,
    "result_expires": LIFETIME,
    "track_started": FLAG,
    "throws": ERRORS,
    "pool": POOL,
    "typing": FLAG,
    "acks_late": FLAG,
    "acks_on_failure_or_timeout": FLAG,
    "reject_on_worker_lost": FLAG,
    "expires": SECONDS,
    "max_retries": RETRIES,
    "retry_for": SECONDS_ABOVE_ZERO,
    "default_retry_delay": SECONDS,
    "autoretry_for": ERRORS,
    "dont_autoretry_for": ERRORS,
    "retry_kwargs": Kind("a dict of what retry() takes", _retry_kwargs),
    "retry_backoff": BACKOFF,
    "retry_backoff_max": SECONDS,
    "retry_jitter": FLAG,
    "time_limit": SECONDS,
    "soft_time_limit": SECONDS,
    "rate_limit": RATE,
    "pydantic": ONLY_TRUE,  # Celery's switch for what is always on here
}

_CALL_KINDS: Final[Mapping[str, Kind[Any, Any]]] = {
    "task_id": NAME,
    "countdown": DELAY,
    "eta": START,
    "expires": EXPIRY,
    "time_limit": SECONDS,
    "soft_time_limit": SECONDS,
    "queue": QUEUE,
    "routing_key": TEXT,
    "priority": PRIORITY,
    "serializer": SERIALIZER,
    "headers": NAMED,
    "ignore_result": FLAG,
    "result_expires": LIFETIME,
    "shadow": NAME,
    "publish_timeout": SECONDS_ABOVE_ZERO,
    "retry": ONLY_TRUE,
    "root_id": NAME,
    "parent_id": NAME,
    "link": CALLS,
    "link_error": CALLS,
    "workflow_timeout": SECONDS_ABOVE_ZERO,
}

_RETRY_KINDS: Final[Mapping[str, Kind[Any, Any]]] = {
    "args": LISTED,
    "kwargs": NAMED,
    "max_retries": RETRIES,
    **{
        name: _CALL_KINDS[name]
        for name in ("countdown", "eta", *RetryOptions.__annotations__)
    },
}  # fmt: skip

_LATER_TASK_OPTIONS: Final = frozenset({
    "compression", "backend", "trail", "send_events",
    "resultrepr_maxsize", "shadow_name", "pydantic_strict", "pydantic_context",
    "pydantic_dump_kwargs",
})  # fmt: skip

_LATER_CALL_OPTIONS: Final = frozenset({
    "compression", "retry_policy", "add_to_parent", "argsrepr", "kwargsrepr",
    "reply_to", "chain", "chord", "group_id", "group_index", "stamped_headers",
    "replaced_task_nesting",
})  # fmt: skip

_MEANINGLESS: Final = {
    "exchange": "queues are named directly here: say queue=…",
    "exchange_type": "queues are named directly here: say queue=…",
    "delivery_mode": "messages are as durable as the server is set up to be",
    "connection": "an app has its connections, one set for each event loop",
    "producer": "an app has its connections, one set for each event loop",
    "throw": "it belongs to apply(), which runs the task here",
    "errors": "it is said where a group is made: group(…, errors=…, least=…), chord(…, errors=…)",
    "least": "it is said where a group is made: group(…, errors=…, least=…), chord(…, least=…)",
    "lazy": "decorating does no work that could wait",
    "shared": "use @shared_task for a task that every app shall have",
    "Request": "the worker has no class for requests to be replaced",
    "Strategy": "the worker has no strategies to be replaced",
}
