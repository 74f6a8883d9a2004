"""Values to bytes and back, by a serializer's name.

JSON and msgpack are ours: written by msgspec, rich values tagged (see `asynq.wire.tags`). Others
are pairs of functions registered under a name; pickle is one of them. Which of them a receiver
may use is said by `accept_content` alone: `check_accepted` asks, before anything is decoded.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from asynq.exceptions import ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured
from asynq.wire.envelope import JSON, MSGPACK, blob, unblob
from asynq.wire.refusals import refusal
from asynq.wire.tags import PLAIN, TAG, Tagger, foreign, untag

PICKLE: Final = "pickle"

ALIASES: Final[Mapping[str, str]] = {
    "application/json": JSON,
    "application/x-msgpack": MSGPACK,
    "application/msgpack": MSGPACK,
    "application/x-python-serialize": PICKLE,
}
"""Content types, as `accept_content` may name them too."""


class Codec:
    """One of our two formats.

    What `encode` writes holds the tag's key exactly where something is tagged, so a reader finds
    out with one search whether it has to look for tags at all.
    """

    def __init__(
        self,
        name: str,
        encoder: msgspec.json.Encoder | msgspec.msgpack.Encoder,
        decoder: msgspec.json.Decoder[Any] | msgspec.msgpack.Decoder[Any],
    ) -> None:
        self.name = name
        self.content = "" if name == JSON else name
        """What a message says of its format: nothing where it is JSON."""
        self.marker: bytes = encoder.encode(TAG)
        self.write = Tagger(binary=name == MSGPACK, wide=name == JSON).write
        self.write_bare = encoder.encode
        """Writes what is `bare`."""
        self._encode = encoder.encode
        self._decode = decoder.decode

    def encode(self, value: object, compact: object | None = None) -> bytes:
        """A value as bytes that describe it.

        Args:
            value: anything.
            compact: the same, with what an annotation describes left untagged; what is written
                wherever the format can hold it as it is.

        Raises:
            Exception: of any type, where some part of it can't be written.
        """
        if compact is not None or type(value) in PLAIN:
            try:
                data = self._encode(value if compact is None else compact)
            except Exception:
                data = self.marker  # say, an int too large: perhaps it can be tagged
            if self.marker not in data and not self._lossy(data, value):
                return data
        return self._encode(self.write(value))

    def _lossy(self, data: bytes, value: object) -> bool:
        """Did JSON turn a float that is no number into null?"""
        if self.name != JSON or b"null" not in data or value is None:
            return False
        try:
            return _NO_NUMBER.search(_exact.encode(value)) is not None
        except Exception:
            return True

    def decode(self, data: bytes) -> object:
        """What `encode` was given.

        Raises:
            DecodeError: not of this format, or with a tag unknown here.
        """
        try:
            value: object = self._decode(data)
            return untag(value) if self.marker in data else value
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
            raise DecodeError(f"not {self.name}: {error}") from None


_exact = msgspec.msgpack.Encoder(enc_hook=foreign)
_NO_NUMBER = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")
"""NaN or an infinity in msgpack; may find one where there is none, never misses one."""

_json = Codec(JSON, msgspec.json.Encoder(enc_hook=foreign), msgspec.json.Decoder())
_msgpack = Codec(MSGPACK, msgspec.msgpack.Encoder(enc_hook=foreign), msgspec.msgpack.Decoder())

CODECS: Final[Mapping[str, Codec]] = {JSON: _json, "": _json, MSGPACK: _msgpack}
"""By the serializer's name, and by what a message says in `content`."""


class Serializer(Struct, frozen=True):
    """A serializer that is not one of ours."""

    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]


_foreign: dict[str, Serializer] = {
    PICKLE: Serializer(lambda value: pickle.dumps(value, protocol=5), pickle.loads)
}

_NAME = re.compile(r"[a-z][a-z0-9_.+-]{0,63}")


def register_serializer(
    name: str, dumps: Callable[[Any], bytes], loads: Callable[[bytes], Any]
) -> None:
    """Make a serializer known, on both sides, by a name for `task_serializer` and `serializer=`.

    A worker uses it only where `accept_content` names it. Registering a name again replaces it.

    Args:
        name: lowercase letters, digits, and `_.+-`; at most 64 characters.
        dumps: plain values to bytes; it is given lists, dicts, and whatever the caller sent.
        loads: bytes to values. It reads what comes from outside: it must not run what it reads.

    Raises:
        ImproperlyConfigured: the name is not one, or is one of ours.
    """
    if not _NAME.fullmatch(name):
        raise ImproperlyConfigured(
            f"not a serializer's name: {name!r}; expected up to 64 lowercase letters, digits, _.+-"
        )
    if name in CODECS or name == PICKLE:
        raise ImproperlyConfigured(f"serializer {name!r} is built in and can't be replaced")
    _foreign[name] = Serializer(dumps, loads)


def known_serializers() -> list[str]:
    """The names that can be used here."""
    return sorted({JSON, MSGPACK, *_foreign})


def check_accepted(serializer: str, accept: Collection[str]) -> None:
    """Let a serializer pass only if `accept_content` names it, by its name or content type.

    Raises:
        ContentDisallowed: it does not.
    """
    name = serializer or JSON
    if name in accept or any(ALIASES.get(each) == name for each in accept):
        return
    raise ContentDisallowed(
        f"refused content of serializer {name!r}: accept_content names only "
        f"{', '.join(sorted(accept)) or 'nothing'}. If you trust everything that can write to the "
        f"broker, add {name!r} to accept_content, on the workers and where the calls come from"
    )


def dumps(value: object, serializer: str = JSON, *, what: str = "value") -> bytes:
    """A value as bytes of its own.

    Args:
        value: what to write.
        serializer: json, msgpack, pickle or a registered name.
        what: how an error names the value.

    Raises:
        EncodeError: some part of it can't be written; names the part.
        ImproperlyConfigured: no such serializer.
    """
    codec = CODECS.get(serializer)
    if codec is not None:
        try:
            return codec.encode(value)
        except Exception as error:
            raise refusal(value, codec.encode, what, error) from None
    return _dumps_foreign(value, serializer, what)


def loads(data: bytes, serializer: str = JSON) -> Any:
    """What `dumps` was given.

    Raises:
        DecodeError: not bytes of this serializer, or the serializer is not known here.
    """
    codec = CODECS.get(serializer)
    if codec is not None:
        return codec.decode(data)
    if serializer not in _foreign:
        raise DecodeError(
            f"serializer {serializer!r} is not registered here (known: "
            f"{', '.join(known_serializers())}); see asynq.register_serializer"
        )
    try:
        return _foreign[serializer].loads(data)
    except Exception as error:
        raise DecodeError(f"not {serializer}: {type(error).__name__}: {error}") from error


def encode_value(value: object, serializer: str = JSON, *, what: str = "value") -> tuple[Raw, str]:
    """A value as an envelope holds it, and what to say of it in `content`.

    Raises:
        EncodeError: some part of it can't be written; names the part.
        ImproperlyConfigured: no such serializer.
    """
    codec = CODECS.get(serializer)
    if codec is not None:
        return Raw(dumps(value, serializer, what=what)), codec.content
    return blob(_dumps_foreign(value, serializer, what)), serializer


def decode_value(raw: Raw, content: str) -> Any:
    """What `encode_value` was given.

    Raises:
        DecodeError: not bytes of this serializer, or the serializer is not known here.
    """
    return loads(bytes(raw) if content in CODECS else unblob(raw), content)


def _dumps_foreign(value: object, serializer: str, what: str) -> bytes:
    known = _foreign.get(serializer)
    if known is None:
        raise ImproperlyConfigured(
            f"serializer {serializer!r}: expected one of {', '.join(known_serializers())}, or one "
            "made known with asynq.register_serializer"
        )
    try:
        data = known.dumps(value)
    except Exception as error:
        raise EncodeError(
            f"{what}: {serializer} can't write it: {type(error).__name__}: {error}"
        ) from error
    return data.encode() if isinstance(data, str) else bytes(data)
