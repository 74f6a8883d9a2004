"""A value that comes before a call's own arguments: put there unread, where that can be done."""

from __future__ import annotations

from msgspec import Raw
from msgspec.structs import replace

from asynq import states
from asynq.wire.message import Message
from asynq.wire.record import Record


def json_of(record: Record) -> bytes | None:
    """A value as it stands; None: it is none, or is written in another way."""
    if record.status != states.SUCCESS or record.content:
        return None
    return bytes(record.result) if isinstance(record.result, Raw) else b"null"


def put_before(message: Message, value: bytes) -> Message:
    """A message whose arguments are JSON, with a value before them."""
    own = bytes(message.args)[1:] if isinstance(message.args, Raw) else b"]"
    between = b"" if own.lstrip()[:1] == b"]" else b","
    return replace(message, args=Raw(b"[" + value + between + own))
