"""Named fields to bytes and back: a frozen struct as JSON text, or as msgpack.

JSON is for reading in `redis-cli`, msgpack for size; the first byte tells which it is, so a
receiver needs no header. Values inside (`args`, `result`) are `msgspec.Raw`: they are encoded once,
by the serializer of the task, and stay bytes until somebody needs them. A serializer that is
neither JSON nor msgpack travels as a byte string inside a msgpack envelope.

No envelope begins with the two bytes that mark what is signed or encrypted (`asynq.wire.sealing`),
so that a receiver without keys can tell, and say so.
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from asynq.exceptions import DecodeError, EncodeError, SecurityError

S = TypeVar("S", bound=Struct)

JSON: Final = "json"
MSGPACK: Final = "msgpack"

SIGNED: Final = b"\x01"
"""What the bytes of something signed begin with."""
ENCRYPTED: Final = b"\x02"
"""What the bytes of something encrypted begin with."""

_json = msgspec.json.Encoder()
_msgpack = msgspec.msgpack.Encoder()
_blob = msgspec.msgpack.Decoder(bytes)


def pack(envelope: Struct, serializer: str) -> bytes:
    """Write an envelope whose `Raw` fields were encoded by `serializer`.

    Raises:
        EncodeError: one of its other fields can't be written: a header of the caller's, say.
    """
    try:
        return _json.encode(envelope) if serializer == JSON else _msgpack.encode(envelope)
    except Exception as error:
        raise EncodeError(
            f"{type(envelope).__name__.lower()}: a field or a header can't be written, they take "
            f"plain values only: {type(error).__name__}: {error}"
        ) from error


def format_of(data: bytes) -> str:
    """JSON or MSGPACK, by the first byte."""
    return JSON if data[:1] == b"{" else MSGPACK


def unpack(data: bytes, kind: type[S]) -> S:
    """Read an envelope.

    Raises:
        DecodeError: the bytes are not such an envelope. The text does not repeat them.
        SecurityError: they are signed or encrypted, and nobody has opened them before.
    """
    json, msgpack = _decoders(kind)
    try:
        envelope: S = json.decode(data) if data[:1] == b"{" else msgpack.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if data[:1] in (SIGNED, ENCRYPTED):
            raise unreadable(data) from None
        raise DecodeError(f"not a {kind.__name__.lower()}: {error}") from None
    return envelope


def unreadable(data: bytes) -> SecurityError:
    """The error for something signed or encrypted, where there are no keys to open it."""
    if data[:1] == SIGNED:
        return SecurityError("it is signed, and there are no message_keys here to check that with")
    return SecurityError("it is encrypted, and there are no encryption_keys here to read it with")


def blob(data: bytes) -> Raw:
    """Bytes of a foreign serializer, as a value of a msgpack envelope."""
    return Raw(_msgpack.encode(data))


def unblob(raw: Raw) -> bytes:
    """The bytes that `blob` wrapped."""
    try:
        return _blob.decode(raw)
    except msgspec.DecodeError as error:
        raise DecodeError(f"not a byte string: {error}") from None


@cache
def _decoders(kind: type[S]) -> tuple[msgspec.json.Decoder[S], msgspec.msgpack.Decoder[S]]:
    return msgspec.json.Decoder(kind), msgspec.msgpack.Decoder(kind)
