"""What is encrypted is unreadable, bound to its place, and never encrypted alike twice."""

import pytest

from asynq.exceptions import ImproperlyConfigured, SecurityError
from asynq.wire import encryption
from asynq.wire.encryption import Cipher
from asynq.wire.keyring import KeyRing

RING = KeyRing({"k": b"a secret that is long enough"})
BODY = b"the plain text" * 10


def cipher(kind="message", about=b"here", ring=RING):
    return Cipher(kind, about, ring)


def test_the_ciphertext_shows_nothing_of_the_body():
    data = cipher().encrypt(BODY, b"1")
    assert b"plain" not in data
    assert cipher().decrypt(data, b"1") == BODY


def test_the_same_body_is_never_encrypted_alike():
    seen = {cipher().encrypt(BODY, b"1") for _ in range(100)}
    assert len(seen) == 100


def test_an_empty_body_is_a_body():
    assert cipher().decrypt(cipher().encrypt(b"", b"1"), b"1") == b""


@pytest.mark.parametrize(
    "other",
    [
        cipher(kind="record"),
        cipher(about=b"there"),
        cipher(ring=KeyRing({"k": b"another secret, long enough"})),
    ],
    ids=["of another kind", "of another namespace", "of another secret"],
)
def test_what_is_for_another_does_not_decrypt(other):
    with pytest.raises(SecurityError, match="it can't be decrypted"):
        other.decrypt(cipher().encrypt(BODY, b"1"), b"1")


def test_what_is_put_beside_something_else_does_not_decrypt():
    with pytest.raises(SecurityError, match="for another queue, id or namespace"):
        cipher().decrypt(cipher().encrypt(BODY, b"1"), b"2")


@pytest.mark.parametrize("end", [0, 1, 3, 20, 27, 40])
def test_what_was_cut_short_does_not_decrypt(end):
    with pytest.raises(SecurityError, match="it can't be decrypted"):
        cipher().decrypt(cipher().encrypt(BODY, b"1")[:end], b"1")


def test_the_key_of_one_message_is_not_that_of_another():
    """Half of the nonce picks a key, so GCM's short nonce is no limit."""
    keys = set()

    class Spy:
        def __init__(self, key):
            keys.add(key)

        def encrypt(self, nonce, data, about):
            assert len(nonce) == 12
            return data + b"0" * 16

    spied = cipher()
    spied._aead = Spy
    for _ in range(10):
        spied.encrypt(BODY, b"1")
    assert len(keys) == 10
    assert all(len(key) == 32 for key in keys)


def test_without_the_library_the_error_names_the_extra(monkeypatch):
    def missing(path):
        raise ImportError(path)

    monkeypatch.setattr(encryption, "import_object", missing)
    encryption._library.cache_clear()
    with pytest.raises(ImproperlyConfigured, match=r"asynq-tasks\[encryption\]"):
        cipher()
    encryption._library.cache_clear()
