"""Messages and results that nobody else can write, or read: signed, and encrypted, by shared keys.

Whoever can write to the server can call any task with any arguments, unless messages are signed.
A signed body is::

    0x01 · length of the key's id · the key's id · issued at, 8 bytes · body · signature, 16 bytes

A result has no time. The signature is over everything that matters: what kind of thing it is, the
namespace, the queue, the task's id, and all that stands before it; it is checked before anything is
decoded. So a message can't be changed, nor pass as another call, in another queue, of another app,
or as a result. What a signature can't tell is whether the very same message was there before: see
`message_max_age`, and write tasks that may run twice.

Where bodies are encrypted as well (see `asynq.wire.encryption`), that happens before signing.
"""

from __future__ import annotations

from functools import cached_property, partial
from hmac import compare_digest
from struct import Struct
from typing import Final

from asynq._time import time
from asynq.exceptions import SecurityError
from asynq.wire.encryption import Cipher
from asynq.wire.envelope import ENCRYPTED, SIGNED, unreadable
from asynq.wire.framing import name_of, part
from asynq.wire.keyring import KeyRing
from asynq.wire.macs import LENGTH, Key

MESSAGE: Final = "message"
RECORD: Final = "record"
EVENTS: Final = "events"
ORDER: Final = "order"

_TIME: Final = Struct(">d")


class Seal:
    """Closes what leaves this process, and opens what reaches it.

    Args:
        namespace: of the app; what another namespace has sealed is refused.
        signing: keys to sign with; None: nothing is signed.
        encryption: keys to encrypt with; None: nothing is encrypted.
        max_age: seconds after which a message is refused, counted from when it was sent or due;
            None: never.
        lenient: also read what is not signed, or not encrypted, as it was before keys were set.

    Raises:
        ImproperlyConfigured: there are keys to encrypt with, and the library is not installed.
    """

    def __init__(
        self,
        *,
        namespace: str,
        signing: KeyRing | None = None,
        encryption: KeyRing | None = None,
        max_age: float | None = None,
        lenient: bool = False,
    ) -> None:
        rings = signing, encryption
        self._messages = _Closing(MESSAGE, namespace, *rings, timed=True, lenient=lenient)
        self._records = _Closing(RECORD, namespace, *rings, timed=False, lenient=lenient)
        self._make_events = partial(
            _Closing, EVENTS, namespace, *rings, timed=False, lenient=lenient
        )
        self._orders = _Closing(ORDER, namespace, *rings, timed=False, lenient=lenient)
        self._max_age = max_age
        self.encrypts = encryption is not None
        """What is closed can't be read; so nothing of it may be told beside it either."""

    def seal(self, body: bytes, *, queue: str, id: str, due: float | None = None) -> bytes:
        """A message as it may be sent.

        Args:
            body: the encoded message.
            queue: where it goes.
            id: the task's.
            due: not to run before this Unix time; its age counts from there.
        """
        issued = time()
        if due is not None:
            issued = max(issued, due)
        return self._messages.close(body, queue, id, issued)

    def open(self, body: bytes, *, queue: str, id: str, any_age: bool = False) -> bytes:
        """The encoded message that was sealed for this queue and this id.

        Args:
            body: the message as it came.
            queue: where it came from.
            id: the task's.
            any_age: a message that is too old may be read too: by who only looks at it.

        Raises:
            SecurityError: it was not, or not by a key that is known here, or it is too old.
        """
        opened = self._messages.open(body, queue, id)
        if self._max_age is not None and not any_age and body[:1] == SIGNED:
            age = time() - _issued_at(body)
            if age > self._max_age:
                raise SecurityError(
                    f"the message is {age:.0f} s old, and message_max_age is {self._max_age:g} s: "
                    "it may have been kept to be played back"
                )
        return opened

    def seal_record(self, id: str, body: bytes) -> bytes:
        """An encoded record as it may be stored under a task's id."""
        return self._records.close(body, "", id, 0.0)

    def open_record(self, id: str, body: bytes) -> bytes:
        """The encoded record that was sealed for this task's id.

        Raises:
            SecurityError: it was not, or not by a key that is known here.
        """
        return self._records.open(body, "", id)

    def seal_events(self, body: bytes) -> bytes:
        """An encoded batch of events as it may be written."""
        return self._events.close(body, "", "", 0.0)

    def open_events(self, body: bytes) -> bytes:
        """The encoded batch of events that was sealed so.

        Raises:
            SecurityError: it was not, or not by a key that is known here.
        """
        return self._events.open(body, "", "")

    def seal_order(self, channel: str, body: bytes) -> bytes:
        """What is said to workers, or what they answer, as it may be said on a channel."""
        return self._orders.close(body, channel, "", 0.0)

    def open_order(self, channel: str, body: bytes) -> bytes:
        """What was sealed for this channel.

        Raises:
            SecurityError: it was not, or not by a key that is known here.
        """
        return self._orders.open(body, channel, "")

    @cached_property
    def _events(self) -> _Closing:
        """Made when it is needed: deriving keys takes time, and most apps tell no events."""
        return self._make_events()


def _issued_at(signed: bytes) -> float:
    """When a signed message was sent, or is due (Unix time, seconds); it has been checked."""
    (issued,) = _TIME.unpack_from(signed, name_of(signed)[1])
    return float(issued)


class _Closing:
    """How bodies of one kind are closed and opened; each kind has keys of its own."""

    def __init__(
        self,
        kind: str,
        namespace: str,
        signing: KeyRing | None,
        encryption: KeyRing | None,
        *,
        timed: bool,
        lenient: bool,
    ) -> None:
        about = part(kind) + part(namespace)
        self._signer = None if signing is None else _Signer(kind, about, signing, timed=timed)
        self._cipher = None if encryption is None else Cipher(kind, about, encryption)
        self._lenient = lenient

    def close(self, body: bytes, queue: str, id: str, issued: float) -> bytes:
        if self._cipher is not None:
            body = self._cipher.encrypt(body, part(queue) + part(id))
        return body if self._signer is None else self._signer.sign(body, queue, id, issued)

    def open(self, body: bytes, queue: str, id: str) -> bytes:
        if body[:1] == SIGNED:
            if self._signer is None:
                raise unreadable(body)
            body = self._signer.check(body, queue, id)
        elif self._signer is not None and not self._lenient:
            raise SecurityError("bad signature: there is none, and message_keys asks for one")
        if body[:1] == ENCRYPTED:
            if self._cipher is None:
                raise unreadable(body)
            body = self._cipher.decrypt(body, part(queue) + part(id))
        elif self._cipher is not None and not self._lenient:
            raise SecurityError("it is not encrypted, and encryption_keys asks for it")
        return body


class _Signer:
    """Signs bodies of one kind in one namespace."""

    def __init__(self, kind: str, about: bytes, ring: KeyRing, *, timed: bool) -> None:
        derived = ring.derive(f"asynq sign {kind}")
        self._keys = {id: Key(id, secret, about) for id, secret in derived.items()}
        self._first = self._keys[ring.ids[0]]
        self._time_bytes = _TIME.size if timed else 0

    def sign(self, body: bytes, queue: str, id: str, issued: float) -> bytes:
        key = self._first
        head = key.head + _TIME.pack(issued) if self._time_bytes else key.head
        signed = head + body
        return signed + key.mac(signed, queue, id)

    def check(self, data: bytes, queue: str, id: str) -> bytes:
        key = self._first
        if data[: key.begin] != key.head:
            key = self._key_of(data)
        if not compare_digest(data[-LENGTH:], key.mac(data[:-LENGTH], queue, id)):
            raise SecurityError(
                "bad signature: it was changed, or made for another queue, id or namespace, or "
                "with another secret"
            )
        return data[key.begin + self._time_bytes : -LENGTH]

    def _key_of(self, data: bytes) -> Key:
        id = name_of(data)[0].decode(errors="replace")
        if id not in self._keys:
            raise SecurityError(
                f"bad signature: by key {id[:64]!r}, which is not among message_keys here"
            )
        return self._keys[id]
