"""Signatures with one key: HMAC-SHA-256, the first half of it (RFC 2104 allows that).

A signature is made and checked once a call, so all that is the same of many is hashed once: the
key, what the signatures are about, the queue. From there the states of the hash are copied. That
gives what `hmac.digest` gives, in a third of the time.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from asynq.wire.envelope import SIGNED
from asynq.wire.framing import key_id, named, part

if TYPE_CHECKING:
    from hashlib import _Hash

LENGTH: Final = 16
"""Bytes of a signature. 128 bits can't be found by trying; each try would be a message sent."""

_BLOCK: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))

_MOST_QUEUES: Final = 1000
"""How many queues' states are kept: senders may make up names without end."""


class Key:
    """One key, for one kind of body in one namespace.

    Args:
        id: Its name.
        secret: 32 bytes.
        about: What all of its signatures are about.
    """

    __slots__ = ("_inner", "_outer", "_queues", "begin", "head")

    def __init__(self, id: str, secret: bytes, about: bytes) -> None:
        self.head: Final = SIGNED + named(key_id(id))
        """What everything signed with it begins with."""
        self.begin: Final = len(self.head)
        """Where that is over."""
        block = secret.ljust(_BLOCK, b"\0")
        self._inner = sha256(block.translate(_INNER) + about)
        self._outer = sha256(block.translate(_OUTER))
        self._queues: dict[str, _Hash] = {}

    def mac(self, data: bytes, queue: str, id: str) -> bytes:
        """The signature of data that belong to a task's id in a queue."""
        state = self._queues.get(queue)
        if state is None:
            state = self._of(queue)
        inner = state.copy()
        inner.update(part(id))
        inner.update(data)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()[:LENGTH]

    def _of(self, queue: str) -> _Hash:
        if len(self._queues) >= _MOST_QUEUES:
            self._queues.clear()
        state = self._inner.copy()
        state.update(part(queue))
        self._queues[queue] = state
        return state
