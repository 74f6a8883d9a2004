"""What an annotation means on the wire: what needs no tag, and how a value becomes it again.

msgspec does the work; pydantic does it for its models, where the user has imported it. What neither
of them understands is treated as no annotation at all: the value comes as it was sent.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import inspect as kinds

from asynq.wire.envelope import JSON
from asynq.wire.serialization import Codec
from asynq.wire.tags import foreign, is_model

ABSENT: Final = inspect.Parameter.empty


class Slot:
    """A place for a value, with what its annotation tells. Made once, read often."""

    def __init__(self, annotation: object = ABSENT) -> None:
        self.annotation = annotation
        self.kind: Any = Any
        """The annotation, where msgspec can read it; else Any."""
        self.direct: frozenset[type] = frozenset()
        """Types whose values the annotation describes wholly: exactly these go untagged."""
        self.text_is_bytes = False
        """A str would arrive as bytes: it would be taken for base64."""
        self.plain = False
        """Values come back by themselves, tags or not: the annotation adds nothing."""
        self.builds = False
        """Only the annotation can bring the values back: they are objects, written as fields."""
        self._adapter: Any = None
        if annotation is not ABSENT and annotation is not Any:
            self._study()

    @property
    def typed(self) -> bool:
        """The annotation tells something."""
        return self.kind is not Any or self._adapter is not None

    @property
    def adapted(self) -> bool:
        """Only `convert` reads it, no decoder."""
        return self._adapter is not None

    def convert(self, value: object) -> object:
        """A value as annotated.

        Raises:
            Exception: it does not fit; what exactly is raised depends on who reads it.
        """
        if self._adapter is not None:
            return self._adapter.validate_json(_json.encode(value))
        if self.kind is Any:
            return value
        return msgspec.convert(value, self.kind, dec_hook=receive, str_keys=True)

    @property
    def shown(self) -> str:
        """The annotation, for people."""
        return inspect.formatannotation(self.annotation)

    def _study(self) -> None:
        try:
            msgspec.json.Decoder(self.annotation, dec_hook=receive)
            info = kinds.type_info(self.annotation)
        except Exception:  # not only TypeError: it evaluates a user's classes
            self._adapter = _adapter(self.annotation)
            self.builds = self._adapter is not None
            return
        traits = _Traits(info)
        if not traits.readable:
            return
        self.kind = Any if isinstance(info, kinds.AnyType) else self.annotation
        self.plain = traits.plain
        self.builds = traits.builds
        self.direct = frozenset(_types(info)) if traits.closed else frozenset()
        self.text_is_bytes = str not in self.direct and not self.direct.isdisjoint(_BINARY)


def decoder(kind: Any, codec: Codec) -> Callable[[bytes], Any]:
    """What reads untagged bytes as values of a type, prepared."""
    if codec.name == JSON:
        return msgspec.json.Decoder(kind, dec_hook=receive).decode
    return msgspec.msgpack.Decoder(kind, dec_hook=receive).decode


class _Traits:
    """What is true of every part of a type."""

    def __init__(self, info: kinds.Type) -> None:
        self.readable = True
        self.closed = True
        """Nothing in it is left open, so nothing in it needs a tag."""
        self.plain = True
        self.builds = False
        self._seen: set[int] = set()
        self._visit(info)

    def _visit(self, info: object) -> None:
        if id(info) in self._seen:
            return
        self._seen.add(id(info))
        if isinstance(info, kinds.AnyType):
            self.closed = False
        elif isinstance(info, kinds.CustomType):
            self._custom(info.cls)
        elif isinstance(info, kinds.DictType):
            self.closed &= isinstance(info.key_type, _KEYS)
            self.plain &= isinstance(info.key_type, kinds.StrType)
        elif isinstance(info, (kinds.ExtType, kinds.RawType)):
            self.readable = False
        elif isinstance(info, _BUILT):
            self.builds = True
        self.plain &= isinstance(info, _PLAIN)
        for part in _parts(info):
            self._visit(part)

    def _custom(self, cls: type) -> None:
        if cls is object:
            self.closed = False
        elif is_model(cls):
            self.builds = True
        else:
            self.readable = False


_KEYS: Final = (
    kinds.StrType,
    kinds.IntType,
    kinds.UUIDType,
    kinds.DateTimeType,
    kinds.DateType,
    kinds.TimeType,
    kinds.DecimalType,
    kinds.EnumType,
    kinds.LiteralType,
)
_PLAIN: Final = (
    kinds.AnyType,
    kinds.BoolType,
    kinds.DictType,
    kinds.FloatType,
    kinds.IntType,
    kinds.ListType,
    kinds.LiteralType,
    kinds.Metadata,
    kinds.NoneType,
    kinds.StrType,
    kinds.UnionType,
)
_BUILT: Final = (
    kinds.DataclassType,
    kinds.EnumType,
    kinds.NamedTupleType,
    kinds.StructType,
    kinds.TypedDictType,
)
_BINARY: Final = frozenset({bytes, bytearray, memoryview})

_TYPES: Final[dict[type, type]] = {
    kinds.StrType: str,
    kinds.BytesType: bytes,
    kinds.ByteArrayType: bytearray,
    kinds.MemoryViewType: memoryview,
    kinds.DateTimeType: datetime,
    kinds.DateType: date,
    kinds.TimeType: time,
    kinds.TimeDeltaType: timedelta,
    kinds.UUIDType: UUID,
    kinds.DecimalType: Decimal,
    kinds.ListType: list,
    kinds.TupleType: tuple,
    kinds.VarTupleType: tuple,
    kinds.SetType: set,
    kinds.FrozenSetType: frozenset,
    kinds.DictType: dict,
    kinds.TypedDictType: dict,
}


def _types(info: object) -> list[type]:
    if isinstance(info, kinds.UnionType):
        return [each for part in info.types for each in _types(part)]
    if isinstance(info, kinds.Metadata):
        return _types(info.type)
    known = _TYPES.get(type(info)) or getattr(info, "cls", None)
    return [] if known is None else [known]


def _parts(info: object) -> list[object]:
    found: list[object] = [field.type for field in getattr(info, "fields", ())]
    found.extend(getattr(info, "types", ()))
    found.extend(getattr(info, "item_types", ()))
    names = ("type", "item_type", "key_type", "value_type")
    found.extend(part for name in names if (part := getattr(info, name, None)) is not None)
    return found


_json = msgspec.json.Encoder(enc_hook=foreign)


def receive(cls: type, value: object) -> object:
    """Objects of other libraries from plain values; msgspec's `dec_hook`."""
    if isinstance(value, cls) or not is_model(cls):
        return value
    # As JSON, because that is how `foreign` wrote it: a strict model takes a date from JSON's
    # text, and not from Python's.
    model: Any = cls
    return model.model_validate_json(_json.encode(value))


def _adapter(annotation: object) -> Any:
    """pydantic's reader for what msgspec can't read, a union of models say; None without one."""
    if not _mentions_model(annotation):
        return None
    try:
        return sys.modules["pydantic"].TypeAdapter(annotation)
    except Exception:
        return None


def _mentions_model(annotation: object) -> bool:
    return is_model(annotation) or any(map(_mentions_model, typing.get_args(annotation)))


def resolve(annotation: object, function: Callable[..., object]) -> object:
    """An annotation written as text as what it names where the function was defined.

    What can't be found there (say, imported for type checkers only) counts as absent.
    """
    if annotation is ABSENT:
        return ABSENT
    inner = _innermost(function)
    names: dict[str, Any] = {}
    code = getattr(inner, "__code__", None)
    cells = getattr(inner, "__closure__", None) or ()
    for name, cell in zip(code.co_freevars if code else (), cells, strict=False):
        with suppress(ValueError):  # the name has no value yet
            names[name] = cell.cell_contents
    holder: Any = type("Holder", (), {"__annotations__": {"it": annotation}})
    try:
        space = getattr(inner, "__globals__", {})
        return typing.get_type_hints(holder, space, names, include_extras=True)["it"]
    except Exception:
        return ABSENT


def _innermost(function: Any) -> Any:
    """The plain function that a decorated, partial, bound or callable one stands for."""
    function = inspect.unwrap(function)
    while isinstance(function, partial):
        function = inspect.unwrap(function.func)
    if not inspect.isroutine(function):
        function = type(function).__call__
    return getattr(function, "__func__", function)
