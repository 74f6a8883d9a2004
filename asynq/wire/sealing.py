"""Messages and results that nobody else can write, or read: signed, and encrypted, by shared keys.

Whoever can write to the server can call any task with any arguments, unless messages are signed.
A signed body is::

    0x01 · length of the key's id · the key's id · issued at, 8 bytes · HMAC, 32 bytes · body

The signature, an HMAC-SHA-256, is over everything that matters: what kind of thing it is, the
namespace, the queue, the task's id, when it was issued, and the body to the last byte; it is
checked before anything is decoded. So a message can't be changed, nor pass as another call, in
another queue, of another app, or as a result. What a signature can't tell is whether the very same
message was there before: see `message_max_age`, and write tasks that may run twice.

Where bodies are encrypted as well (see `asynq.wire.encryption`), that happens before signing.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest, digest
from typing import Final

from asynq._time import time
from asynq.exceptions import SecurityError
from asynq.wire.encryption import Cipher
from asynq.wire.envelope import ENCRYPTED, SIGNED, unreadable
from asynq.wire.framing import key_id, name_of, named, part
from asynq.wire.keyring import KeyRing

MESSAGE: Final = "message"
RECORD: Final = "record"

_TIME_BYTES: Final = 8
_MAC_BYTES: Final = 32


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
        self._messages = _Closing(MESSAGE, namespace, signing, encryption, lenient=lenient)
        self._records = _Closing(RECORD, namespace, signing, encryption, lenient=lenient)
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
        return self._messages.close(body, part(queue) + part(id), issued)

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
        body, issued = self._messages.open(body, part(queue) + part(id))
        if self._max_age is not None and issued is not None and not any_age:
            age = time() - issued
            if age > self._max_age:
                raise SecurityError(
                    f"the message is {age:.0f} s old, and message_max_age is {self._max_age:g} s: "
                    "it may have been kept to be played back"
                )
        return body

    def seal_record(self, id: str, body: bytes) -> bytes:
        """An encoded record as it may be stored under a task's id."""
        return self._records.close(body, part(id), time())

    def open_record(self, id: str, body: bytes) -> bytes:
        """The encoded record that was sealed for this task's id.

        Raises:
            SecurityError: it was not, or not by a key that is known here.
        """
        return self._records.open(body, part(id))[0]


class _Closing:
    """How bodies of one kind are closed and opened; each kind has keys of its own."""

    def __init__(
        self,
        kind: str,
        namespace: str,
        signing: KeyRing | None,
        encryption: KeyRing | None,
        *,
        lenient: bool,
    ) -> None:
        about = part(kind) + part(namespace)
        self._signer = None if signing is None else _Signer(kind, about, signing)
        self._cipher = None if encryption is None else Cipher(kind, about, encryption)
        self._lenient = lenient

    def close(self, body: bytes, about: bytes, issued: float) -> bytes:
        if self._cipher is not None:
            body = self._cipher.encrypt(body, about)
        return body if self._signer is None else self._signer.sign(body, about, issued)

    def open(self, body: bytes, about: bytes) -> tuple[bytes, float | None]:
        issued = None
        if body[:1] == SIGNED:
            if self._signer is None:
                raise unreadable(body)
            body, issued = self._signer.check(body, about)
        elif self._signer is not None and not self._lenient:
            raise SecurityError("bad signature: there is none, and message_keys asks for one")
        if body[:1] == ENCRYPTED:
            if self._cipher is None:
                raise unreadable(body)
            body = self._cipher.decrypt(body, about)
        elif self._cipher is not None and not self._lenient:
            raise SecurityError("it is not encrypted, and encryption_keys asks for it")
        return body, issued


class _Signer:
    """Signs bodies of one kind in one namespace."""

    def __init__(self, kind: str, about: bytes, ring: KeyRing) -> None:
        self._keys = {
            key_id(id): (key, about + part(id))
            for id, key in ring.derive(f"asynq sign {kind}").items()
        }
        self._first = key_id(ring.ids[0])

    def sign(self, body: bytes, about: bytes, issued: float) -> bytes:
        at = round(issued * 1000).to_bytes(_TIME_BYTES, "big")
        return b"".join(
            (SIGNED, named(self._first), at, self._mac(self._first, about, at, body), body)
        )

    def check(self, data: bytes, about: bytes) -> tuple[bytes, float]:
        id, at = name_of(data)
        if id not in self._keys:
            raise SecurityError(
                f"bad signature: by key {id.decode(errors='replace')[:64]!r}, which is not among "
                "message_keys here"
            )
        stamp, at = data[at : at + _TIME_BYTES], at + _TIME_BYTES
        given, body = data[at : at + _MAC_BYTES], data[at + _MAC_BYTES :]
        if not compare_digest(given, self._mac(id, about, stamp, body)):
            raise SecurityError(
                "bad signature: it was changed, or made for another queue, id or namespace, or "
                "with another secret"
            )
        return body, int.from_bytes(stamp, "big") / 1000

    def _mac(self, id: bytes, about: bytes, stamp: bytes, body: bytes) -> bytes:
        key, common = self._keys[id]
        return digest(key, b"".join((common, about, stamp, body)), sha256)
