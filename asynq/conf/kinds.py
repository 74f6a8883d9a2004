"""What a setting is: a name, a kind of value, a default and one line that says what it is for.

A kind reads what a person wrote (`timedelta(days=1)`, a list, a zone) into the one form the code
works with (seconds, a tuple, a zone's name), or says what it expected instead. `declared` makes
the settings out of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from types import MappingProxyType
from typing import Final, Generic, Protocol, TypeVar, overload
from zoneinfo import ZoneInfo

from asynq._imports import import_object
from asynq.routes import Queue, check_name, check_routes, queues_of
from asynq.wire.keyring import KeyRing, read_keys

Read = TypeVar("Read")
Written = TypeVar("Written")


@dataclass(frozen=True)
class Kind(Generic[Read, Written]):
    """How values of one kind are read: `Written` may be assigned, `Read` comes back."""

    expected: str
    """What to write, for error texts and the documentation: ``a whole number from 1``."""
    read: Callable[[object], Read]
    """Raises `TypeError` where the value's type is wrong, and `ValueError` where such a value may
    not be; with a hint or without."""

    def or_none(self, meaning: str) -> Kind[Read | None, Written | None]:
        """The same, where None stands for something too."""
        return Kind(
            f"{self.expected}, or None: {meaning}",
            lambda value: None if value is None else self.read(value),
        )


class Store(Protocol):
    """What the settings are declared on: something that keeps values by name."""

    def __getitem__(self, name: str, /) -> object: ...
    def __setitem__(self, name: str, value: object, /) -> None: ...


class Setting(Generic[Read, Written]):
    """One declared setting. As an attribute of the settings it reads and assigns its value."""

    name: str = ""

    def __init__(self, kind: Kind[Read, Written], default: Read, doc: str) -> None:
        self.kind = kind
        self.default = default
        self.doc = doc

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, store: None, owner: type[object]) -> Setting[Read, Written]: ...
    @overload
    def __get__(self, store: Store, owner: type[object]) -> Read: ...
    def __get__(
        self, store: Store | None, owner: type[object]
    ) -> Setting[Read, Written] | Read | object:
        return self if store is None else store[self.name]

    def __set__(self, store: Store, value: Written) -> None:
        store[self.name] = value


SAME_AS_BROKER: Final = ""
"""What `result_backend` is before it is known where the broker is."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    if not value:
        raise ValueError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _only_true(value: object) -> bool:
    if not _flag(value):
        raise NotImplementedError("False is not in this release yet")
    return True


def _whole(low: int, high: int | None = None) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError
        if value < low or (high is not None and value > high):
            raise ValueError
        return value

    return read


_PERIODS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}


def per_second(value: object) -> float:
    """How many a second a rate is: of ``"10/m"``, a sixth; 0: any.

    Raises:
        TypeError, ValueError: it is no rate.
    """
    if isinstance(value, str):
        number, _, period = map(str.strip, value.partition("/"))
        if (period or "s") not in _PERIODS:
            raise ValueError("the unit is s, m or h")
        value = float(number) / _PERIODS[period or "s"]
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError
    if not math.isfinite(value) or value < 0:
        raise ValueError
    return float(value)


def _rate(value: object) -> str | float:
    """As it was written, so that people know it again."""
    number = per_second(value)
    return value if isinstance(value, str) else number


def _seconds(value: object) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError
    if not math.isfinite(value) or value < 0:
        raise ValueError
    return float(value)


def _seconds_above_zero(value: object) -> float:
    seconds = _seconds(value)
    if seconds == 0:
        raise ValueError
    return seconds


def _lifetime(value: object) -> float | None:
    return None if value is None else _seconds(value) or None  # Celery: 0 keeps for ever, too


def _items(value: object) -> tuple[object, ...]:
    if isinstance(value, str):
        raise TypeError(f"for one alone write [{value!r}]")
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
        raise TypeError
    return tuple(value)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in _items(value))


_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def _modules(value: object) -> tuple[str, ...]:
    names = _texts(value)
    for name in names:
        if not _MODULE.fullmatch(name):
            raise ValueError(f"{name!r} is no module's name")
    return names


_CONTENT_TYPES: Final = {
    "application/json": "json",
    "application/x-msgpack": "msgpack",
    "application/msgpack": "msgpack",
    "application/x-python-serialize": "pickle",
}


def _serializer(value: object) -> str:
    name = _text(value)
    return _CONTENT_TYPES.get(name, name)


def _serializers(value: object) -> tuple[str, ...]:
    return tuple(_serializer(item) for item in _items(value))


def _options(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError
    return MappingProxyType(dict(value))


def _zone(value: object) -> str:
    if isinstance(value, tzinfo):
        key = getattr(value, "key", None)
        value = "UTC" if value is UTC else key
        if value is None:
            raise ValueError("a fixed offset has no name")
    name = _text(value)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("no such time zone is known here; is tzdata installed?") from None
    return name


def _periodic(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError
    if value:  # who has no periodic tasks needs no calendar
        read: Callable[[object], object] = import_object("asynq.schedules.entries:read_entries")
        read(value)
    return MappingProxyType(dict(value))


def _namespace(value: object) -> str:
    return check_name(_text(value))


def _queue(value: object) -> str:
    return Queue(_text(value)).name


def _routes(value: object) -> object:
    check_routes(value)
    if isinstance(value, Mapping):
        return MappingProxyType(dict(value))
    return tuple(value) if isinstance(value, list) else value


TEXT: Final[Kind[str, str]] = Kind("a text", _text)
BROKER_URL: Final[Kind[str, str | None]] = Kind(
    "a URL, or None: embedded://",
    lambda value: "embedded://" if value is None else _text(value),
)
BACKEND_URL: Final[Kind[str, str | None]] = Kind(
    "a URL, or None: as the broker",
    lambda value: SAME_AS_BROKER if value is None else _text(value),
)
FLAG: Final[Kind[bool, bool]] = Kind("True or False", _flag)
ONLY_TRUE: Final[Kind[bool, bool]] = Kind("True", _only_true)
COUNT: Final[Kind[int, int]] = Kind("a whole number from 1", _whole(1))
COUNT_FROM_ZERO: Final[Kind[int, int]] = Kind("a whole number from 0", _whole(0))
BYTES: Final[Kind[int, int]] = Kind("a number of bytes from 1", _whole(1))
PRIORITY: Final[Kind[int, int]] = Kind("a whole number from 0 to 9", _whole(0, 9))
SECONDS: Final[Kind[float, float | timedelta]] = Kind("seconds (a number or a timedelta)", _seconds)
SECONDS_ABOVE_ZERO: Final[Kind[float, float | timedelta]] = Kind(
    "seconds above 0 (a number or a timedelta)", _seconds_above_zero
)
RATE: Final[Kind[str | float, str | float]] = Kind(
    "a rate, like '10/s', '100/m' or '2/h', or a number a second (0: any)", _rate
)
LIFETIME: Final[Kind[float | None, float | timedelta | None]] = Kind(
    "seconds (a number or a timedelta), or None: kept for ever", _lifetime
)
MODULES: Final[Kind[tuple[str, ...], Iterable[str]]] = Kind("a list of module names", _modules)
SERIALIZER: Final[Kind[str, str]] = Kind("a serializer's name", _serializer)
SERIALIZERS: Final[Kind[tuple[str, ...], Iterable[str]]] = Kind(
    "a list of serializers' names", _serializers
)
OPTIONS: Final[Kind[Mapping[str, object], Mapping[str, object]]] = Kind(
    "a dict of options", _options
)
ZONE: Final[Kind[str, str | tzinfo]] = Kind(
    "a time zone's name, like 'Europe/London', or a ZoneInfo", _zone
)
NAME: Final[Kind[str, str]] = Kind(
    "a name of letters, digits and any of _ . : -, at most 200", _namespace
)
QUEUE: Final[Kind[str, str]] = Kind("a queue's name", _queue)
QUEUES: Final[Kind[tuple[Queue, ...], object]] = Kind(
    "a list of queues: names, dicts with a name, or Queue objects", queues_of
)
KEYS: Final[Kind[KeyRing | None, object]] = Kind(
    "a dict from key ids to secrets of 16 bytes or more", read_keys
)
PERIODIC: Final[Kind[Mapping[str, object], Mapping[str, object]]] = Kind(
    "a dict from names to entries, which have a `task` and a `schedule`", _periodic
)
ROUTES: Final[Kind[object, object]] = Kind(
    "a dict from task names to queues or options, a function, or a list of these", _routes
)
