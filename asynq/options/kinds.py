"""The kinds of values that options of tasks and calls have, beside those that settings have too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from asynq.conf.kinds import COUNT_FROM_ZERO, SECONDS, Kind

HORIZON: Final = timedelta(days=365)
"""How far ahead a call may be put off: what is further off is a mistake, or a calendar's."""

_TOO_FAR: Final = "it is more than 365 days ahead: send it nearer to its time"


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


def _calls(value: object) -> tuple[object, ...]:
    many = value if isinstance(value, list | tuple) else (value,)
    for each in many:  # a canvas, or what JSON made of one; this room knows neither
        if not isinstance(each, Mapping) and not hasattr(each, "freeze"):
            raise TypeError
    return tuple(many)


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


def _list(value: object) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError("for one alone write a list of it")
    return [*value]


NAME: Final[Kind[Any, Any]] = Kind("a text of 1 to 200 printable characters, or a UUID", _id)
ERRORS: Final[Kind[Any, Any]] = Kind("an error class, or several in a tuple", _errors)
RETRIES: Final[Kind[Any, Any]] = Kind("a whole number from 0, or None: without end", _retries)
POOL: Final[Kind[Any, Any]] = Kind("'loop', 'thread' or 'process'", _pool)
BACKOFF: Final[Kind[Any, Any]] = Kind("seconds (a number or a timedelta), True or False", _backoff)
DELAY: Final[Kind[Any, Any]] = Kind("seconds (a number or a timedelta)", _delay)
START: Final[Kind[Any, Any]] = Kind("a datetime, or one as ISO 8601 text", _start)
EXPIRY: Final[Kind[Any, Any]] = Kind(
    "seconds (a number or a timedelta), a datetime or ISO 8601 text", _expiry
)
NAMED: Final[Kind[Any, Any]] = Kind("a dict with texts as keys", _headers)
LISTED: Final[Kind[Any, Any]] = Kind("a list or a tuple", _list)
CALLS: Final[Kind[Any, Any]] = Kind("a signature, as task.s(…) makes it, or a list of them", _calls)
