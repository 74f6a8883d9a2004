"""The arguments and the result of one function, on the wire: the hot path, prepared once a task.

A call is checked against the signature where it is made. What annotations describe is written bare
and read by one decoder built for the whole argument list; what they leave open is written so that
it describes itself (`asynq.wire.tags`). The two meet at the receiver: if the bytes hold a tag, they
are read value by value instead, so a sender without the function's code (`send_task`) may tag what
the receiver has an annotation for, and the reverse.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import cached_property
from typing import Any, get_args, get_origin

from msgspec import UNSET, Raw, UnsetType

from asynq.exceptions import DecodeError
from asynq.wire.annotations import Slot, decoder, resolve
from asynq.wire.envelope import JSON, blob, unblob
from asynq.wire.message import Message
from asynq.wire.record import Record
from asynq.wire.refusals import refusal
from asynq.wire.serialization import CODECS, PICKLE, Codec, decode_value, dumps, encode_value, loads
from asynq.wire.signatures import Layout, checker, parameters_of
from asynq.wire.tags import PLAIN, bare

Encoded = tuple[Raw | UnsetType, Raw | UnsetType, str]
"""A call as `Message` holds it: its `args`, `kwargs` and `content`."""

Arguments = tuple[Sequence[Any], Mapping[str, Any]]


def encode_call(
    args: Sequence[object], kwargs: Mapping[str, object], serializer: str, *, task: str = ""
) -> Encoded:
    """A call of a function that is not at hand.

    Args:
        args: Positional arguments.
        kwargs: Named arguments.
        serializer: What writes them.
        task: The task's name, for the texts of errors.

    Raises:
        EncodeError: an argument can't be written; names it.
        ImproperlyConfigured: no such serializer.
    """
    codec, owner = CODECS.get(serializer), f"{task}: " if task else ""
    if codec is None:
        data = dumps([list(args), dict(kwargs)], serializer, what=f"{owner}args")
        return blob(data), UNSET, serializer
    return (
        Raw(_encode([*args], None, codec, f"{owner}args")) if args else UNSET,
        Raw(_encode({**kwargs}, None, codec, f"{owner}kwargs")) if kwargs else UNSET,
        codec.content,
    )


def decode_call(message: Message) -> tuple[Sequence[Any], dict[str, Any]]:
    """The arguments as they describe themselves.

    Raises:
        DecodeError: they can't be read.
    """
    if message.content not in CODECS:
        both = _list(loads(unblob(_raw(message.args)), message.content), 2)
        return _list(both[0]), _dict(both[1])
    args, kwargs = message.args, message.kwargs
    return (
        _list(decode_value(args, message.content)) if isinstance(args, Raw) else [],
        _dict(decode_value(kwargs, message.content)) if isinstance(kwargs, Raw) else {},
    )


class Parameters:
    """What one function takes.

    Args:
        function: The task's function, or anything callable.
        name: The task's name, for the texts of errors.
        bound: The first parameter is the task itself: callers don't give it.
    """

    def __init__(self, function: Callable[..., object], *, name: str, bound: bool = False) -> None:
        self._function = function
        self._name = name
        self._bound = bound
        self._readers: dict[str, Callable[[bytes], Any]] = {}

    def check(self, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        """Could the function be called so? Types are not looked at.

        Raises:
            TypeError: it could not; worded as Python words it.
        """
        self._accept(*args, **kwargs)

    def encode(
        self, args: Sequence[object], kwargs: Mapping[str, object], serializer: str = JSON
    ) -> Encoded:
        """The arguments as a message holds them.

        Raises:
            EncodeError: an argument can't be written; names it.
            ImproperlyConfigured: no such serializer.
            TypeError: a str where the annotation says bytes: it would arrive as other bytes.
        """
        codec = CODECS.get(serializer)
        if codec is None:
            return encode_call(args, kwargs, serializer, task=self._name)
        return (
            Raw(self._encode_args(args, codec)) if args else UNSET,
            Raw(self._encode_kwargs(kwargs, codec)) if kwargs else UNSET,
            codec.content,
        )

    def encode_later(
        self, args: Sequence[object], kwargs: Mapping[str, object], serializer: str = JSON
    ) -> Encoded:
        """The same of a call that gets its first arguments when its turn comes: who is who by its
        place is not known yet."""
        return encode_call(args, kwargs, serializer, task=self._name)

    def decode(self, message: Message) -> Arguments:
        """The arguments of a message, as annotated.

        Raises:
            TypeError: an argument does not fit its annotation; names both.
            DecodeError: they can't be read at all.
        """
        codec = CODECS.get(message.content)
        if codec is None:
            args, kwargs = decode_call(message)
            # Pickle brings the objects themselves.
            return (args, kwargs) if message.content == PICKLE else self.fit(args, kwargs)
        raw_args, raw_kwargs = message.args, message.kwargs
        return (
            self._decode_args(bytes(raw_args), codec) if isinstance(raw_args, Raw) else (),
            self._decode_kwargs(bytes(raw_kwargs), codec) if isinstance(raw_kwargs, Raw) else {},
        )

    @cached_property
    def _parameters(self) -> list[inspect.Parameter]:
        return parameters_of(self._function, bound=self._bound)

    @cached_property
    def _accept(self) -> Callable[..., None]:
        return checker(getattr(self._function, "__name__", self._name), self._parameters)

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self._function, self._parameters)

    def _encode_args(self, args: Sequence[object], codec: Codec) -> bytes:
        compact: object = args
        if not self._layout.wary:
            if bare(args) and (data := _write_bare(args, codec)):
                return data
        else:
            for value, (name, slot) in zip(args, self._layout.positional(), strict=False):
                self._check_text(value, name, slot)
        if not PLAIN.issuperset(map(type, args)):
            try:
                places = zip(args, self._layout.slots(), strict=False)
                compact = [_compact(value, slot, codec) for value, slot in places]
            except Exception:
                compact = None  # `_encode` meets the same value, and can say where it is
        return _encode([*args], compact, codec, f"{self._name}: args")

    def _encode_kwargs(self, kwargs: Mapping[str, object], codec: Codec) -> bytes:
        compact: object = kwargs
        named = self._layout.named
        if not self._layout.wary:
            if bare(kwargs) and bare(kwargs.values()) and (data := _write_bare(kwargs, codec)):
                return data
        else:
            for name, value in kwargs.items():
                self._check_text(value, name, named(name))
        if not PLAIN.issuperset(map(type, kwargs.values())):
            try:
                compact = {n: _compact(value, named(n), codec) for n, value in kwargs.items()}
            except Exception:
                compact = None
        return _encode({**kwargs}, compact, codec, f"{self._name}: kwargs")

    def _check_text(self, value: object, name: str, slot: Slot) -> None:
        if slot.text_is_bytes and isinstance(value, str):
            raise TypeError(f"{self._name}() argument {name!r}: expected bytes, got str")

    def _decode_args(self, data: bytes, codec: Codec) -> Sequence[Any]:
        if codec.marker not in data and not self._layout.adapted:
            read = self._readers.get(codec.name) or self._reader(codec, len(self._layout.places))
            try:
                args: Sequence[Any] = read(data)
                return args
            except Exception:
                pass  # another number of arguments, or one that does not fit: see below
        values = _list(codec.decode(data))
        self._reader(codec, len(values))
        return self.fit(values, {})[0]

    def _reader(self, codec: Codec, number: int) -> Callable[[bytes], Any]:
        """One decoder for so many arguments. The last is kept: calls of a task look alike."""
        layout = self._layout
        number = min(number, len(layout.places))
        kind = tuple[layout.kinds(number)] if layout.typed else list  # type: ignore[misc]
        self._readers[codec.name] = made = decoder(kind, codec)
        return made

    def _decode_kwargs(self, data: bytes, codec: Codec) -> Mapping[str, Any]:
        return self.fit((), _dict(codec.decode(data)))[1]

    def fit(self, args: Sequence[object], kwargs: Mapping[str, object]) -> Arguments:
        """Arguments that were read as they describe themselves, as annotated.

        Raises:
            TypeError: one does not fit its annotation; names both.
        """
        if not self._layout.typed:
            return args, kwargs
        places = zip(args, self._layout.positional(), strict=False)
        named = self._layout.named
        return (
            [self._convert(value, *place) for value, place in places],
            {name: self._convert(value, name, named(name)) for name, value in kwargs.items()},
        )

    def _convert(self, value: object, name: str, slot: Slot) -> object:
        try:
            return slot.convert(value)
        except Exception as error:
            raise TypeError(
                f"{self._name}() argument {name!r} does not fit its annotation "
                f"`{slot.shown}`: {_reason(error)}"
            ) from None


class Returned:
    """What one function returns. For `async def`, what awaiting it gives.

    Args:
        function: The task's function, or anything callable.
        name: The task's name, for the texts of errors.
    """

    def __init__(self, function: Callable[..., object], *, name: str) -> None:
        self._function = function
        self._name = name

    def encode(self, value: object, serializer: str = JSON) -> tuple[Raw | UnsetType, str]:
        """A result as a record holds it: its `result` and `content`; of None there is nothing.

        It describes itself: a reader without the function's code gets plain values and the rich
        ones of `asynq.wire.tags`.

        Raises:
            EncodeError: some part of it can't be written; names the part.
            ImproperlyConfigured: no such serializer.
        """
        codec, what = CODECS.get(serializer), f"the result of {self._name}"
        if codec is None:
            return encode_value(value, serializer, what=what)
        if value is None:
            return UNSET, ""
        if bare((value,)) and (data := _write_bare(value, codec)):
            return Raw(data), codec.content
        direct = self._slot.plain and type(value) in self._slot.direct
        return Raw(_encode(value, value if direct else None, codec, what)), codec.content

    def decode(self, record: Record) -> Any:
        """The result in a record: of the annotated type, where only the annotation can tell it.

        That is so for objects (dataclasses, Structs, models, enums); everything else comes back as
        it was returned, whether that was as annotated or not. None where the record has none.

        Raises:
            DecodeError: it can't be read, or does not fit its annotation.
        """
        if not isinstance(record.result, Raw):
            return None
        value = decode_value(record.result, record.content)
        if not self._slot.builds or record.content == PICKLE:
            return value
        try:
            return self._slot.convert(value)
        except Exception as error:
            raise DecodeError(
                f"the result of {self._name} does not fit its annotation "
                f"`{self._slot.shown}`: {_reason(error)}"
            ) from None

    @cached_property
    def _slot(self) -> Slot:
        try:
            written = inspect.signature(self._function).return_annotation
        except (TypeError, ValueError):
            return Slot()
        annotation = resolve(written, self._function)
        origin, inner = get_origin(annotation), get_args(annotation)
        if origin in (Awaitable, Coroutine):
            annotation = inner[-1]
        return Slot(annotation)


def _compact(value: object, slot: Slot, codec: Codec) -> object:
    kind = type(value)
    return value if kind in PLAIN or kind in slot.direct else codec.write(value)


def _write_bare(value: object, codec: Codec) -> bytes | None:
    """What is `bare` as bytes; None: it takes `_encode`, as an int does that is too large."""
    try:
        return codec.write_bare(value)
    except Exception:
        return None


def _encode(value: object, compact: object | None, codec: Codec, what: str) -> bytes:
    try:
        return codec.encode(value, compact)
    except Exception as error:
        raise refusal(value, codec.encode, what, error) from None


def _raw(value: Raw | UnsetType) -> Raw:
    if not isinstance(value, Raw):
        raise DecodeError("arguments: there are none, though `content` says how to read them")
    return value


def _list(value: object, length: int | None = None) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)) or len(value) != (length or len(value)):
        raise DecodeError(f"arguments: expected an array, got {type(value).__name__}")
    return value


def _dict(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise DecodeError(f"keyword arguments: expected an object, got {type(value).__name__}")
    return value


def _reason(error: Exception) -> str:
    """msgspec's text, as the end of a sentence; `$` stands for the value itself."""
    text = str(error)
    return text[:1].lower() + text[1:]
