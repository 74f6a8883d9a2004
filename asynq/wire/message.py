"""The message: one call of a task, as it travels.

The task's id is not in it: it travels beside the body (`Parcel.id`), because the broker needs it.
Defaults are left out of the bytes, so a plain call is ``{"task":"proj.add","args":[4,4]}``.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from asynq.exceptions import DecodeError
from asynq.wire.attempts import KEPT, Attempt
from asynq.wire.bounds import Count, Moment, Name, Seconds
from asynq.wire.envelope import pack, unpack
from asynq.wire.flow import Flow

VERSION: Final = 1


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call. A field is added with a default, so that old and new workers read each other."""

    task: str
    args: Raw | UnsetType = UNSET
    """The positional arguments, an array; of a serializer that is neither JSON nor msgpack, its
    bytes for ``[args, kwargs]`` (see `asynq.wire.envelope`)."""
    kwargs: Raw | UnsetType = UNSET
    content: Annotated[str, Meta(max_length=64)] = ""
    """The serializer of the arguments; left out where it is JSON."""
    version: int = VERSION
    retries: Count = 0
    priority: Annotated[int, Meta(ge=0, le=9)] = 0
    reply_to: Name | None = None
    root_id: Name | None = None
    """The first task of the tree this call belongs to; None: this one."""
    parent_id: Name | None = None
    """The task that made this call."""
    eta: Moment | None = None
    """Not to run before this Unix time (seconds); for `request.eta`, the broker keeps the time."""
    expires: Moment | None = None
    """Not to begin after this Unix time (seconds), on the broker's clock."""
    time_limit: Seconds | None = None
    """Seconds after which a run is ended; 0: never; None: as the task says."""
    soft_time_limit: Seconds | None = None
    """The same for `SoftTimeLimitExceeded`."""
    attempts: Annotated[tuple[Attempt, ...], Meta(max_length=KEPT)] = ()
    """Earlier runs of this call that were retried."""
    ignore_result: bool | None = None
    """None: as the task says."""
    result_expires: Seconds | None = None
    """Seconds to keep the result; 0: for ever; None: as the task says."""
    unknown_since: Moment | None = None
    """When a worker first met it without knowing the task (Unix time, seconds)."""
    shadow: Name | None = None
    """The name to show in logs instead of the task's."""
    headers: dict[str, object] | None = None
    """The caller's own: plain values, they are not tagged."""
    flow: Flow | None = None
    """Its place in a workflow."""


def encode(message: Message, serializer: str) -> bytes:
    """A message as bytes; `serializer` is what its arguments were encoded with."""
    return pack(message, serializer)


def decode(body: bytes) -> Message:
    """Bytes as a message.

    Raises:
        DecodeError: not a message, or of a version this release can't read.
    """
    message = unpack(body, Message)
    if message.version > VERSION:
        raise DecodeError(
            f"message version {message.version}, this release reads up to {VERSION}: "
            "update the workers before the services that send"
        )
    return message
