from __future__ import annotations

import hmac
from hashlib import sha256

import pytest

from asynq.wire import macs
from asynq.wire.macs import LENGTH, Key

SECRET = bytes(range(32))
KEY = Key("new", SECRET, b"message\xffproj\xff")


def test_what_is_signed_begins_with_the_keys_name():
    assert (KEY.head, KEY.begin) == (b"\x01\x03new", 5)


@pytest.mark.parametrize("data", [b"", b"body", b"x" * 5000], ids=len)
@pytest.mark.parametrize("queue", ["", "default", "überall"])
def test_a_signature_is_half_an_hmac_of_everything(data: bytes, queue: str):
    whole = b"message\xffproj\xff" + queue.encode() + b"\xff" + b"id\xff" + data
    for _ in range(2):  # the queue is new, then known
        assert KEY.mac(data, queue, "id") == hmac.digest(SECRET, whole, sha256)[:LENGTH]


def test_senders_that_make_up_queues_fill_no_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(macs, "_MOST_QUEUES", 3)
    key = Key("new", SECRET, b"")
    signatures = {queue: key.mac(b"body", queue, "id") for queue in "abcdefgh"}
    assert len(key._queues) <= 3
    assert len(set(signatures.values())) == 8
    assert all(key.mac(b"body", queue, "id") == mac for queue, mac in signatures.items())
