"""Secrets with names: the first one closes what is sent, every one of them opens what comes.

That is how a key is changed without losing a message: put the new one behind the old one
everywhere, then before it everywhere, and take the old one away when nothing closed by it is left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Final

SHORTEST: Final = 16
"""Bytes of a secret. Fewer could be found by trying; more than 32 add nothing."""

_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SALT: Final = b"asynq key ring v1"


class KeyRing:
    """Secrets by their ids, in order. No `repr` and no error text of it shows a secret.

    Args:
        secrets: Of at least 16 bytes each; not empty.

    Raises:
        ValueError: an id or a secret can't be one.
    """

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        for id, secret in secrets.items():
            if not _ID.fullmatch(id):
                raise ValueError("a key's id is 1 to 64 letters, digits and any of _ . -")
            if len(secret) < SHORTEST:
                raise ValueError(
                    f"the secret of key {id!r} has {len(secret)} bytes, it needs {SHORTEST} or "
                    "more: make one with `openssl rand -base64 32`"
                )
        if not secrets:
            raise ValueError("no keys")
        self._secrets = dict(secrets)

    @property
    def ids(self) -> tuple[str, ...]:
        """The keys' names, the one in use first."""
        return tuple(self._secrets)

    def derive(self, purpose: str) -> dict[str, bytes]:
        """For each id a key of 32 bytes that serves this purpose alone (HKDF-SHA-256, RFC 5869).

        So neither of two purposes learns the other's key, and what was closed for one can't pass
        for the other.
        """
        info = purpose.encode() + b"\x01"
        return {
            id: digest(digest(_SALT, secret, sha256), info, sha256)
            for id, secret in self._secrets.items()
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KeyRing) or self.ids != other.ids:
            return False
        pairs = zip(self._secrets.values(), other._secrets.values(), strict=True)
        return all(compare_digest(mine, theirs) for mine, theirs in pairs)

    def __hash__(self) -> int:
        return hash(self.ids)

    def __repr__(self) -> str:
        return f"<KeyRing: {', '.join(self.ids)}>"


def read_keys(value: object) -> KeyRing | None:
    """Keys as people write them.

    Args:
        value: a dict from ids to secrets (text or bytes); or as text, for the environment: that
            dict as JSON, or ``id:secret,id2:secret2``. None or nothing: no keys.

    Raises:
        TypeError: it is something else.
        ValueError: an id or a secret can't be one; the text shows no secret.
    """
    if isinstance(value, KeyRing):
        return value
    if isinstance(value, str):
        value = _from_text(value.strip())
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TypeError
    secrets: dict[str, bytes] = {}
    for id, secret in value.items():
        if isinstance(secret, str):
            secret = secret.encode()
        if not isinstance(id, str) or not isinstance(secret, bytes | bytearray):
            raise TypeError
        secrets[id] = bytes(secret)
    return KeyRing(secrets) if secrets else None


def _from_text(text: str) -> Mapping[str, object]:
    if not text.startswith("{"):
        pairs = [pair.strip().partition(":") for pair in text.split(",") if pair.strip()]
        if any(not colon for _, colon, _ in pairs):
            raise ValueError("each key is written id:secret")
        found = [(id, secret) for id, _, secret in pairs]
    else:
        try:
            found = json.loads(text, object_pairs_hook=list)
        except ValueError:
            raise ValueError("it begins like JSON, and is not") from None
    named = dict(found)
    if len(named) < len(found):
        raise ValueError("two keys have the same id")
    return named
