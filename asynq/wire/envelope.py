"""Named fields to bytes and back: a frozen struct as JSON text, or as msgpack.

JSON is for reading in `redis-cli`, msgpack for size; the first byte tells which it is, so a
receiver needs no header. Values inside (`args`, `result`) are `msgspec.Raw`: they are encoded once,
by the serializer of the task, and stay bytes until somebody needs them. A serializer that is
neither JSON nor msgpack travels as a byte string inside a msgpack envelope.
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from asynq.exceptions import DecodeError, EncodeError

S = TypeVar("S", bound=Struct)

JSON: Final = "json"
MSGPACK: Final = "msgpack"

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
    """
    json, msgpack = _decoders(kind)
    try:
        envelope: S = json.decode(data) if data[:1] == b"{" else msgpack.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"not a {kind.__name__.lower()}: {error}") from None
    return envelope


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
