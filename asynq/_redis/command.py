"""A command on its way through a pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, cast

import hiredis

from asynq._redis.errors import Refused
from asynq._redis.scripts import Script

Word: TypeAlias = bytes | str | int | float


class Owner(Protocol):
    """Who decides what becomes of a command that was refused."""

    loop: asyncio.AbstractEventLoop

    def refused(self, command: Command, error: Refused) -> None:
        """The server's answer is an error."""


class Command:
    """One command, from when it is issued until its caller has the answer."""

    __slots__ = ("deadline", "future", "owner", "packed", "resend", "script_call", "seconds")

    def __init__(
        self,
        owner: Owner,
        packed: bytes,
        seconds: float,
        *,
        resend: bool = True,
        script_call: ScriptCall | None = None,
    ) -> None:
        self.owner = owner
        self.packed = packed
        self.seconds = seconds
        self.deadline = owner.loop.time() + seconds
        self.resend = resend
        self.script_call = script_call
        self.future: asyncio.Future[Any] = owner.loop.create_future()

    def answer(self, reply: Any) -> None:
        """The server's reply; it is dropped when the caller has gone."""
        if isinstance(reply, Refused):
            self.owner.refused(self, reply)
        elif not self.future.done():
            self.future.set_result(reply)

    def fail(self, error: BaseException) -> None:
        """There will be no reply."""
        if not self.future.done():
            self.future.set_exception(error)


class ScriptCall:
    """What a script is called with, kept for the case that the server forgot its text."""

    __slots__ = ("arguments", "keys", "script")

    def __init__(self, script: Script, keys: Sequence[Word], arguments: Sequence[Word]) -> None:
        self.script = script
        self.keys = keys
        self.arguments = arguments

    def by_digest(self) -> bytes:
        """Packed, for a server that knows the script."""
        return self._packed(b"EVALSHA", self.script.digest)

    def by_text(self) -> bytes:
        """Packed, for a server that does not."""
        return self._packed(b"EVAL", self.script.text)

    def _packed(self, name: bytes, code: bytes) -> bytes:
        return pack((name, code, len(self.keys), *self.keys, *self.arguments))


def pack(words: tuple[Word, ...]) -> bytes:
    """A command as it is written.

    Raises:
        TypeError: a word is none of the types that can be sent.
    """
    return cast("bytes", hiredis.pack_command(cast("Any", words)))
