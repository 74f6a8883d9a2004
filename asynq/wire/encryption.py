"""Bodies that only who has a key can read: AES-256-GCM, from the `cryptography` package.

An encrypted body is::

    0x02 · length of the key's id · the key's id · nonce, 24 bytes · ciphertext · tag, 16 bytes

GCM, because it binds what stands beside a body (kind, namespace, queue, task id) to it: a body that
is put under another id does not decrypt. Fernet can't do that, and makes bodies a third larger.
GCM's own nonce is short: random ones would repeat after some 2³² messages of one key, which a busy
queue sends in a week, and a repeated one gives the contents away. So half of a nonce of 24 bytes
picks a key for this one message, the other half is its nonce; no number of messages repeats that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from hmac import digest
from os import urandom
from typing import Any, Final, Protocol

from asynq._imports import import_object
from asynq.exceptions import ImproperlyConfigured, SecurityError
from asynq.wire.envelope import ENCRYPTED
from asynq.wire.framing import key_id, name_of, named, part
from asynq.wire.keyring import KeyRing

_HALF: Final = 12
_TAG: Final = 16


class Aead(Protocol):
    """What encrypts with one key, and notices when something was changed."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Ciphertext and tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Plaintext, or an error."""


class Cipher:
    """Encrypts bodies of one kind in one namespace.

    Args:
        kind: What the bodies are; each kind has keys of its own.
        about: What is the same of all of them, and bound to them.
        ring: The keys; the first encrypts, all decrypt.

    Raises:
        ImproperlyConfigured: the library is not installed.
    """

    def __init__(self, kind: str, about: bytes, ring: KeyRing) -> None:
        self._aead = _library()
        self._keys = {
            key_id(id): (key, about + part(id))
            for id, key in ring.derive(f"asynq encrypt {kind}").items()
        }
        self._first = key_id(ring.ids[0])

    def encrypt(self, body: bytes, about: bytes) -> bytes:
        """A body, readable only with the key, and only beside the same `about`."""
        nonce = urandom(2 * _HALF)
        aead, common = self._for_one(self._first, nonce)
        secret = aead.encrypt(nonce[_HALF:], body, common + about)
        return b"".join((ENCRYPTED, named(self._first), nonce, secret))

    def decrypt(self, data: bytes, about: bytes) -> bytes:
        """The body.

        Raises:
            SecurityError: it was encrypted with another key, for something else, or was changed.
        """
        id, at = name_of(data)
        if id not in self._keys:
            raise SecurityError(
                f"it can't be decrypted: by key {id.decode(errors='replace')[:64]!r}, which is not "
                "among encryption_keys here"
            )
        nonce, secret = data[at : at + 2 * _HALF], data[at + 2 * _HALF :]
        if len(secret) < _TAG:
            raise SecurityError("it can't be decrypted: it was cut short")
        aead, common = self._for_one(id, nonce)
        try:
            return aead.decrypt(nonce[_HALF:], secret, common + about)
        except Exception:
            raise SecurityError(
                "it can't be decrypted: it was changed, or made for another queue, id or "
                "namespace, or with another secret"
            ) from None

    def _for_one(self, id: bytes, nonce: bytes) -> tuple[Aead, bytes]:
        key, common = self._keys[id]
        return self._aead(digest(key, nonce[:_HALF], sha256)), common


@cache
def _library() -> Callable[[bytes], Aead]:
    """The cipher, looked for only where there are keys for it."""
    try:
        found: Any = import_object("cryptography.hazmat.primitives.ciphers.aead:AESGCM")
    except ImportError:
        raise ImproperlyConfigured(
            "encryption_keys needs the cryptography package: install asynq-tasks[encryption]"
        ) from None
    made: Callable[[bytes], Aead] = found
    return made
