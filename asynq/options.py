"""What may be said about a task, and about one call of it: names, kinds of values, what is to come.

The same words stand in `@app.task(…)`, in the body of a `Task` class and in `apply_async(…)`. A
wrong word fails at once and says the nearest right one; a word of Celery's whose machinery this
release does not have raises `NotImplementedError`, because an option that is silently ignored is a
bug that shows weeks later.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal, TypedDict, TypeVar
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from asynq.conf.kinds import (
    COUNT_FROM_ZERO,
    FLAG,
    LIFETIME,
    ONLY_TRUE,
    OPTIONS,
    PRIORITY,
    QUEUE,
    SECONDS,
    SECONDS_ABOVE_ZERO,
    SERIALIZER,
    TEXT,
    Kind,
)
from asynq.exceptions import ImproperlyConfigured, OptionTypeError, OptionValueError

R = TypeVar("R")
Pool = Literal["loop", "thread", "process"]


class TaskOptions(TypedDict, total=False):
    """Options of a task. What is left out, or None, is as the settings say.

    Keys:
        queue: the queue its calls go to; stands over `task_routes`.
        routing_key: another word for a queue, as declared in `task_queues`.
        priority: 0 to 9, 9 is the most urgent.
        serializer: what arguments and results are written with.
        ignore_result: keep no result.
        store_errors_even_if_ignored: keep errors all the same.
        result_expires: seconds (or a timedelta) to keep the result; None or 0: for ever.
        track_started: show STARTED while it runs.
        throws: errors that are part of its normal life: logged without a stack.
        pool: ``"loop"`` (default of `async def`), ``"thread"`` (default of `def`) or ``"process"``.
        typing: check the arguments against the signature when it is called.
        acks_late: a message is settled after its run (default), so a killed worker loses nothing;
            False: before, so it never runs twice, and is lost with its worker.
        acks_on_failure_or_timeout: False: a run that fails makes its message a dead letter.
        reject_on_worker_lost: with `pool="process"`: run it again when its process dies.
        expires: seconds (or a timedelta) after the call in which it must begin.
        max_retries: how often it may be retried (default 3); None: without end.
        retry_for: seconds (or a timedelta) from the first run in which it may be retried, instead
            of a count.
        default_retry_delay: seconds before a retry that says nothing else (default 180).
        autoretry_for: errors that it is retried for.
        dont_autoretry_for: errors among those that it is not retried for.
        retry_kwargs: what an automatic retry passes to `retry()`: `max_retries`, `countdown`.
        retry_backoff: seconds before the first automatic retry, doubled for each further one;
            True: 1, False: `default_retry_delay` instead.
        retry_backoff_max: the most seconds of those (default 600).
        retry_jitter: take a random part of those seconds (default).
        time_limit: seconds after which a run is ended, and has failed; 0: never.
        soft_time_limit: seconds after which `SoftTimeLimitExceeded` is raised in it; 0: never.
    """

    queue: str | None
    routing_key: str | None
    priority: int | None
    serializer: str | None
    ignore_result: bool | None
    store_errors_even_if_ignored: bool | None
    result_expires: float | timedelta | None
    track_started: bool | None
    throws: type[BaseException] | Collection[type[BaseException]]
    pool: Pool | None
    typing: bool | None
    acks_late: bool | None
    acks_on_failure_or_timeout: bool | None
    reject_on_worker_lost: bool | None
    expires: float | timedelta | None
    max_retries: int | None
    retry_for: float | timedelta | None
    default_retry_delay: float | timedelta | None
    autoretry_for: type[BaseException] | Collection[type[BaseException]]
    dont_autoretry_for: type[BaseException] | Collection[type[BaseException]]
    retry_kwargs: Mapping[str, object] | None
    retry_backoff: float | timedelta | bool | None
    retry_backoff_max: float | timedelta | None
    retry_jitter: bool | None
    time_limit: float | timedelta | None
    soft_time_limit: float | timedelta | None


class CallOptions(TypedDict, total=False):
    """Options of one call, for `apply_async` and `send_task`. None: not given.

    Keys:
        task_id: the id to use; default: a new one.
        countdown: seconds (or a timedelta) from now before it may run; stands over `eta`.
        eta: when it may run: a datetime (naive: in the app's `timezone`) or ISO 8601 text.
        expires: the last moment it may begin: seconds (or a timedelta) from now, a datetime or ISO
            8601 text. Later it is REVOKED.
        time_limit: seconds after which a run is ended, and has failed; 0: never.
        soft_time_limit: seconds after which `SoftTimeLimitExceeded` is raised in it; 0: never.
        queue: the queue it goes to; stands over everything else.
        routing_key: another word for a queue, as declared in `task_queues`.
        priority: 0 to 9, 9 is the most urgent.
        serializer: what its arguments are written with.
        headers: values of your own, for `self.request.headers`.
        ignore_result: keep no result of this call.
        result_expires: seconds (or a timedelta) to keep its result; None or 0: for ever.
        shadow: the name to show in logs.
        publish_timeout: seconds to wait for a broker that can't be reached.
        retry: True: try again until then. (False is not in this release.)
        root_id: the first task of the tree it belongs to; default: that of the running task.
        parent_id: the task that made the call; default: the running one.
    """

    task_id: str | UUID | None
    countdown: float | timedelta | None
    eta: datetime | str | None
    expires: float | timedelta | datetime | str | None
    time_limit: float | timedelta | None
    soft_time_limit: float | timedelta | None
    queue: str | None
    routing_key: str | None
    priority: int | None
    serializer: str | None
    headers: Mapping[str, object] | None
    ignore_result: bool | None
    result_expires: float | timedelta | None
    shadow: str | None
    publish_timeout: float | timedelta | None
    retry: bool | None
    root_id: str | None
    parent_id: str | None


class RetryOptions(TypedDict, total=False):
    """What a retry may change for the next run, for `Task.retry`. None: as it was.

    Keys:
        expires, time_limit, soft_time_limit, queue, routing_key, priority, headers, ignore_result,
        result_expires, shadow: as in `CallOptions`.
    """

    expires: float | timedelta | datetime | str | None
    time_limit: float | timedelta | None
    soft_time_limit: float | timedelta | None
    queue: str | None
    routing_key: str | None
    priority: int | None
    headers: Mapping[str, object] | None
    ignore_result: bool | None
    result_expires: float | timedelta | None
    shadow: str | None


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


HORIZON: Final = timedelta(days=365)
"""How far ahead a call may be put off: what is further off is a mistake, or a calendar's."""

_TOO_FAR: Final = "it is more than 365 days ahead: send it nearer to its time"

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


def _kind(expected: str, read: Callable[[object], Any]) -> Kind[Any, Any]:
    return Kind(expected, read)


def _pool(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    if value not in ("loop", "thread", "process"):
        raise ValueError
    return value


def _errors(value: object) -> tuple[type[BaseException], ...]:
    many = value if isinstance(value, tuple | list | set | frozenset) else (value,)
    for each in many:
        if not isinstance(each, type) or not issubclass(each, BaseException):
            raise TypeError
    return tuple(many)


def _id(value: object) -> str:
    text = str(value) if isinstance(value, UUID) else value
    if not isinstance(text, str):
        raise TypeError
    if not 0 < len(text) <= 200 or not text.isprintable():
        raise ValueError
    return text


def _countdown(value: object) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not abs(value) < float("inf"):
        raise ValueError
    return max(float(value), 0.0)


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise TypeError
    return value


def _delay(value: object) -> float:
    seconds = _countdown(value)
    if seconds > HORIZON.total_seconds():
        raise ValueError(_TOO_FAR)
    return seconds


def _start(value: object) -> datetime:
    moment = _moment(value)
    # Where a naive time is meant is not known here, but no place is a day from another.
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if aware - datetime.now(UTC) > HORIZON + timedelta(days=1):
        raise ValueError(_TOO_FAR)
    return moment


def _headers(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError
    return dict(value)


def _expiry(value: object) -> float | datetime:
    return _moment(value) if isinstance(value, str | datetime) else _countdown(value)


def _backoff(value: object) -> float:
    return float(value) if isinstance(value, bool) else SECONDS.read(value)


def _retries(value: object) -> int | None:
    return None if value is None else COUNT_FROM_ZERO.read(value)


def _retry_kwargs(value: object) -> Mapping[str, Any]:
    return MappingProxyType(read_retry_options(OPTIONS.read(value), "retry()"))


def _list(value: object) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError("for one alone write a list of it")
    return [*value]


def _dict(value: object) -> dict[str, Any]:
    return _headers(value)


NAME: Final[Kind[Any, Any]] = Kind("a text of 1 to 200 printable characters, or a UUID", _id)
ERRORS: Final[Kind[Any, Any]] = Kind("an error class, or several in a tuple", _errors)
RETRIES: Final[Kind[Any, Any]] = Kind("a whole number from 0, or None: without end", _retries)

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
    "pool": _kind("'loop', 'thread' or 'process'", _pool),
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
    "retry_kwargs": _kind("a dict of what retry() takes", _retry_kwargs),
    "retry_backoff": _kind("seconds (a number or a timedelta), True or False", _backoff),
    "retry_backoff_max": SECONDS,
    "retry_jitter": FLAG,
    "time_limit": SECONDS,
    "soft_time_limit": SECONDS,
    "pydantic": ONLY_TRUE,  # Celery's switch for what is always on here
}

_CALL_KINDS: Final[Mapping[str, Kind[Any, Any]]] = {
    "task_id": NAME,
    "countdown": _kind("seconds (a number or a timedelta)", _delay),
    "eta": _kind("a datetime, or one as ISO 8601 text", _start),
    "expires": _kind("seconds (a number or a timedelta), a datetime or ISO 8601 text", _expiry),
    "time_limit": SECONDS,
    "soft_time_limit": SECONDS,
    "queue": QUEUE,
    "routing_key": TEXT,
    "priority": PRIORITY,
    "serializer": SERIALIZER,
    "headers": _kind("a dict with texts as keys", _headers),
    "ignore_result": FLAG,
    "result_expires": LIFETIME,
    "shadow": NAME,
    "publish_timeout": SECONDS_ABOVE_ZERO,
    "retry": ONLY_TRUE,
    "root_id": NAME,
    "parent_id": NAME,
}

_RETRY_KINDS: Final[Mapping[str, Kind[Any, Any]]] = {
    "args": _kind("a list or a tuple", _list),
    "kwargs": _kind("a dict with texts as keys", _dict),
    "max_retries": RETRIES,
    **{
        name: _CALL_KINDS[name]
        for name in ("countdown", "eta", *RetryOptions.__annotations__)
    },
}  # fmt: skip

_LATER_TASK_OPTIONS: Final = frozenset({
    "rate_limit", "compression", "backend", "trail", "send_events",
    "resultrepr_maxsize", "shadow_name", "pydantic_strict", "pydantic_context",
    "pydantic_dump_kwargs",
})  # fmt: skip

_LATER_CALL_OPTIONS: Final = frozenset({
    "link", "link_error", "compression", "retry_policy", "add_to_parent", "argsrepr", "kwargsrepr",
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
    "lazy": "decorating does no work that could wait",
    "shared": "use @shared_task for a task that every app shall have",
    "Request": "the worker has no class for requests to be replaced",
    "Strategy": "the worker has no strategies to be replaced",
}
