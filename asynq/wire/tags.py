"""Rich values where no annotation tells what they are: a closed set of tagged values.

JSON has no date, no tuple, no set. Where one is really there it is written as
``{"__type__": "date", "value": "2026-01-31"}``, and read back as what it was, without a word from
the receiver's code. Nothing else is tagged, so plain values look plain; a dict of the user's own
that has the key ``__type__``, or a key that is no string, is written as a tagged list of pairs, so
that it too comes back intact.

Objects (dataclasses, Structs, pydantic models, enums) are written as their fields or their value:
only an annotation brings them back, because a message must not name classes to make.
"""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, Final
from uuid import UUID

from msgspec import UNSET, Raw, Struct, convert, to_builtins

from asynq.exceptions import DecodeError

TAG: Final = "__type__"
VALUE: Final = "value"
MAX_DEPTH: Final = 100
"""Containers in containers. Deeper ones would be refused by the receiver's decoder, if at all."""

PLAIN: Final = frozenset({int, str, float, bool, type(None)})
"""Types whose values are written as they are (a float that is no number excepted)."""


_BARE: Final = frozenset({int, bool, type(None)})


def bare(values: Iterable[object]) -> bool:
    """Are these such that nothing in their bytes could be taken for something else?

    Asked of the arguments of every call: it costs less than to search the bytes.
    """
    for value in values:
        if type(value) in _BARE:
            continue
        if type(value) is str:
            if TAG in value:
                return False
        elif type(value) is not float or not isfinite(value):
            return False
    return True


class UnwritableError(TypeError):
    """A value has no form on the wire; the text says why, as the end of a sentence."""


class Tagger:
    """Turns values into what a format can write.

    Args:
        binary: it has bytes, and floats that are no number.
        wide: it has integers of any size.
    """

    def __init__(self, *, binary: bool, wide: bool) -> None:
        writers: dict[type, Callable[[Any, int], object]] = {
            **dict.fromkeys((str, bool, type(None), Raw), _as_is),
            int: _as_is if wide else _small_int,
            float: _as_is if binary else _finite_float,
            bytes: _as_is if binary else _bytes,
            bytearray: _bytearray,
            memoryview: lambda value, depth: self.write(bytes(value), depth),
            **dict.fromkeys((datetime, date, time), _iso),
            **dict.fromkeys((timedelta, UUID, Decimal), _scalar),
            list: self._list,
            dict: self._dict,
            **dict.fromkeys((tuple, set, frozenset), self._collection),
        }
        self._writers = writers
        self._atoms = frozenset(kind for kind, write in writers.items() if write is _as_is)

    def write(self, value: object, depth: int = 0) -> object:
        """The value, with every rich value in it tagged.

        Raises:
            UnwritableError: it has no form on the wire.
            RecursionError: it is nested too deeply, or holds itself.
        """
        if depth > MAX_DEPTH:
            raise RecursionError(f"more than {MAX_DEPTH} containers in each other")
        write = self._writers.get(type(value))
        return self._object(value, depth) if write is None else write(value, depth)

    def _list(self, value: Iterable[object], depth: int) -> list[object]:
        atoms, write, depth = self._atoms, self.write, depth + 1
        return [each if type(each) in atoms else write(each, depth) for each in value]

    def _dict(self, value: Mapping[object, object], depth: int) -> object:
        if TAG in value or not all(type(key) is str for key in value):
            return _tagged("dict", [self._list(pair, depth) for pair in value.items()])
        atoms, write, depth = self._atoms, self.write, depth + 1
        return {k: v if type(v) in atoms else write(v, depth) for k, v in value.items()}

    def _collection(self, value: Iterable[object], depth: int) -> object:
        return _tagged(type(value).__name__, self._list(value, depth))

    def _object(self, value: object, depth: int) -> object:
        """Anything of a type that is not exactly one of the known ones."""
        if isinstance(value, Enum):
            return self.write(value.value, depth + 1)
        inner = fields_of(value)
        if inner is not None:
            return self.write(inner, depth + 1)
        for kind, narrow in _SUBCLASSES:
            if isinstance(value, kind):
                return self.write(narrow(value), depth)
        return self.write(foreign(value), depth + 1)


def _as_is(value: object, depth: int) -> object:
    return value


def _tagged(name: str, value: object) -> dict[str, object]:
    return {TAG: name, VALUE: value}


def _small_int(value: int, depth: int) -> object:
    return value if -(1 << 63) <= value < 1 << 64 else _tagged("int", str(value))


def _finite_float(value: float, depth: int) -> object:
    return value if isfinite(value) else _tagged("float", str(value))


def _bytes(value: bytes, depth: int) -> object:
    return _tagged("bytes", b64encode(value).decode())


def _bytearray(value: bytearray, depth: int) -> object:
    return _tagged("bytearray", b64encode(value).decode())


def _iso(value: date | time, depth: int) -> object:
    return _tagged(type(value).__name__, value.isoformat())


def _scalar(value: object, depth: int) -> object:
    return _tagged(type(value).__name__.lower(), to_builtins(value))


_SUBCLASSES: Final[tuple[tuple[type, Callable[[Any], object]], ...]] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, lambda value: bytes(memoryview(value))),
    (
        datetime,
        lambda value: datetime.combine(
            date(value.year, value.month, value.day),
            time(value.hour, value.minute, value.second, value.microsecond, fold=value.fold),
            value.tzinfo,
        ),
    ),
    (dict, lambda value: dict(value.items())),
    (list, lambda value: list(iter(value))),
    (tuple, lambda value: tuple(iter(value))),
    (frozenset, frozenset),
    (set, set),
)
"""What a subclass is narrowed to: a str of a web framework is a str, a defaultdict a dict."""


def fields_of(value: object) -> dict[str, object] | list[object] | None:
    """What an object is made of, by the names it has on the wire; None if it isn't such an object.

    One level: what the fields hold is left as it is.
    """
    if isinstance(value, Struct):
        config = value.__struct_config__
        tag = {} if config.tag is None else {config.tag_field or "type": config.tag}
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        found = {shown: getattr(value, name) for shown, name in names}
        if config.array_like:
            return [*tag.values(), *found.values()]
        return tag | {name: each for name, each in found.items() if each is not UNSET}
    cls = type(value)
    if is_dataclass(cls):
        return {f.name: getattr(value, f.name) for f in fields(cls) if hasattr(value, f.name)}
    return None


def is_model(cls: object) -> bool:
    """Is this a pydantic model class? Asks pydantic only where the user has imported it."""
    pydantic = sys.modules.get("pydantic")
    base = getattr(pydantic, "BaseModel", None)
    return base is not None and isinstance(cls, type) and issubclass(cls, base)


def foreign(value: Any) -> object:
    """Objects of other libraries as plain values; msgspec's `enc_hook`.

    Raises:
        UnwritableError: of this type we know nothing.
    """
    if is_model(type(value)):
        return value.model_dump(mode="json", by_alias=True, round_trip=True)
    for kind, narrow in _SUBCLASSES:
        if isinstance(value, kind):
            return narrow(value)
    if hasattr(type(value), "__attrs_attrs__"):
        return {a.name: getattr(value, a.name) for a in type(value).__attrs_attrs__}
    raise UnwritableError("has no form on the wire")


def untag(value: object) -> object:
    """The value that `Tagger.write` was given.

    Raises:
        DecodeError: a tag this release does not know, or not such a value.
    """
    if type(value) is list:
        return [each if type(each) in PLAIN else untag(each) for each in value]
    if type(value) is not dict:
        return value
    if TAG in value:
        return _read(value)
    return {k: v if type(v) in PLAIN else untag(v) for k, v in value.items()}


def _read(value: dict[str, Any]) -> object:
    name = value[TAG]
    read = _READERS.get(name) if isinstance(name, str) else None
    if read is None or value.keys() != {TAG, VALUE}:
        raise DecodeError(f"{TAG} {name!r}: no such type in this release")
    try:
        return read(value[VALUE])
    except (TypeError, ValueError, ArithmeticError) as error:
        raise DecodeError(f"not a value of {TAG} {name!r}: {error}") from None


def _reader(cls: type) -> Callable[[Any], object]:
    return lambda text: convert(text, cls)


_READERS: Final[dict[str, Callable[[Any], object]]] = {
    **{kind.__name__: kind.fromisoformat for kind in (datetime, date, time)},
    **{kind.__name__.lower(): _reader(kind) for kind in (timedelta, UUID, Decimal)},
    "int": lambda text: int(text, 10),
    "float": float,
    "bytes": lambda text: b64decode(text, validate=True),
    "bytearray": lambda text: bytearray(b64decode(text, validate=True)),
    "dict": lambda pairs: {untag(key): untag(each) for key, each in pairs},
    "tuple": lambda items: tuple(map(untag, items)),
    "set": lambda items: set(map(untag, items)),
    "frozenset": lambda items: frozenset(map(untag, items)),
}
