"""Secrets with ids: written in several ways, shown in none."""

import hashlib
import hmac
import json

import pytest

from asynq.wire.keyring import KeyRing, read_keys

OLD = "an old secret, long enough"
NEW = "a new secret, long enough too"


@pytest.mark.parametrize(
    "written",
    [
        {"new": NEW, "old": OLD},
        {"new": NEW.encode(), "old": bytearray(OLD.encode())},
        json.dumps({"new": NEW, "old": OLD}),
        KeyRing({"new": NEW.encode(), "old": OLD.encode()}),
    ],
)
def test_keys_are_read_from_a_dict_and_from_json(written):
    assert read_keys(written) == KeyRing({"new": NEW.encode(), "old": OLD.encode()})


def test_keys_are_read_from_pairs_with_commas():
    secrets = {"new": b"0123456789abcdef:with:colons", "old": b"fedcba9876543210"}
    written = "new:0123456789abcdef:with:colons, old:fedcba9876543210,"
    assert read_keys(written) == KeyRing(secrets)


@pytest.mark.parametrize("nothing", [None, "", "  ", {}, "{}"])
def test_nothing_is_no_keys(nothing):
    assert read_keys(nothing) is None


def test_the_first_key_is_the_first_that_was_written():
    assert KeyRing({"z": NEW.encode(), "a": OLD.encode()}).ids == ("z", "a")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ({"k": "short"}, "'k' has 5 bytes, it needs 16 or more"),
        ({"with space": NEW}, "1 to 64 letters"),
        ({"": NEW}, "1 to 64 letters"),
        ({"k" * 65: NEW}, "1 to 64 letters"),
        ("no colon at all, nor here", "id:secret"),
        ('{"k": ', "begins like JSON"),
        (f"k:{NEW[:7]}0123456789,k:{NEW[:7]}9876543210", "the same id"),
        (json.dumps({"k": NEW})[:-1] + f', "k": "{OLD}"}}', "the same id"),
    ],
)
def test_what_can_be_no_key_says_why_without_showing_it(written, text):
    with pytest.raises(ValueError, match=text) as caught:
        read_keys(written)
    assert "secret, long" not in str(caught.value)
    assert "short" not in str(caught.value)


@pytest.mark.parametrize("wrong", [7, [NEW], {"k": 7}, {7: NEW}])
def test_other_types_are_refused(wrong):
    with pytest.raises(TypeError):
        read_keys(wrong)


def test_a_key_ring_shows_its_ids_and_no_secret():
    ring = KeyRing({"2026-a": NEW.encode(), "2025-b": OLD.encode()})
    assert repr(ring) == str(ring) == f"{ring}" == "<KeyRing: 2026-a, 2025-b>"


def test_each_purpose_has_a_key_of_its_own():
    ring = KeyRing({"k": NEW.encode()})
    keys = [ring.derive(purpose)["k"] for purpose in ("sign message", "sign record")]
    assert len(set(keys)) == 2
    assert all(len(key) == 32 for key in keys)
    assert ring.derive("sign message")["k"] == keys[0]


def test_keys_are_derived_as_rfc_5869_says():
    # The RFC's HKDF, written out: extract with our salt, expand to one block.
    extracted = hmac.new(b"asynq key ring v1", NEW.encode(), hashlib.sha256).digest()
    expanded = hmac.new(extracted, b"sign message\x01", hashlib.sha256).digest()
    assert KeyRing({"k": NEW.encode()}).derive("sign message")["k"] == expanded


def test_rings_differ_by_order_and_by_secret():
    one, two = NEW.encode(), OLD.encode()
    assert KeyRing({"a": one, "b": two}) != KeyRing({"b": two, "a": one})
    assert KeyRing({"a": one}) != KeyRing({"a": two})
    assert hash(KeyRing({"a": one})) == hash(KeyRing({"a": one}))
