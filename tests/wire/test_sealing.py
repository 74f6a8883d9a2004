"""A sealed body opens where it was meant for, as it was written, and nowhere else."""

import struct
from itertools import pairwise

import pytest

from asynq.exceptions import DecodeError, SecurityError
from asynq.wire import envelope, message, record, sealing
from asynq.wire.keyring import KeyRing
from asynq.wire.sealing import Seal

BODY = b'{"task":"proj.add","args":[4,4]}'
OLD = KeyRing({"old": b"the old secret, it is long enough"})
NEW = KeyRing({"new": b"the new secret, it is long enough"})
BOTH = KeyRing(
    {"new": b"the new secret, it is long enough", "old": b"the old secret, it is long enough"}
)
BOTH_OLD_FIRST = KeyRing(
    {"old": b"the old secret, it is long enough", "new": b"the new secret, it is long enough"}
)

WAYS = {
    "signed": {"signing": NEW},
    "encrypted": {"encryption": NEW},
    "signed and encrypted": {"signing": NEW, "encryption": OLD},
}


@pytest.fixture(params=WAYS)
def seal(request):
    return Seal(namespace="proj", **WAYS[request.param])


def test_a_message_comes_out_as_it_went_in(seal):
    sealed = seal.seal(BODY, queue="default", id="1")
    assert sealed != BODY
    assert seal.open(sealed, queue="default", id="1") == BODY


def test_a_record_comes_out_as_it_went_in(seal):
    assert seal.open_record("1", seal.seal_record("1", BODY)) == BODY


def test_a_signed_message_is_its_key_its_time_its_body_and_16_bytes(monkeypatch):
    monkeypatch.setattr(sealing, "time", lambda: 1000.0)
    sealed = Seal(namespace="proj", signing=NEW).seal(BODY, queue="default", id="1")
    assert sealed[:-16] == b"\x01\x03new" + struct.pack(">d", 1000.0) + BODY
    assert sealed[-16:].hex() == "45cefc0e4f2e2fa0f89cf8eb6190e263"


def test_a_signed_record_is_its_key_its_body_and_16_bytes():
    sealed = Seal(namespace="proj", signing=NEW).seal_record("1", b'{"t":1795384599516}')
    assert sealed[:-16] == b'\x01\x03new{"t":1795384599516}'
    assert sealed[-16:].hex() == "76caf5f51902b00f45bbf7d8de9a4bc3"


def test_nothing_sealed_can_be_taken_for_an_envelope(seal):
    sealed = seal.seal(BODY, queue="default", id="1")
    assert sealed[:1] in (b"\x01", b"\x02")
    for decode in (message.decode, record.decode):
        with pytest.raises(SecurityError, match=r"there are no (message|encryption)_keys here"):
            decode(sealed)


def test_a_replay_under_another_id_is_refused(seal):
    sealed = seal.seal(BODY, queue="default", id="1")
    with pytest.raises(SecurityError, match="for another queue, id or namespace"):
        seal.open(sealed, queue="default", id="2")


def test_a_replay_in_another_queue_is_refused(seal):
    sealed = seal.seal(BODY, queue="default", id="1")
    with pytest.raises(SecurityError, match="for another queue, id or namespace"):
        seal.open(sealed, queue="payments", id="1")


def test_what_another_namespace_sealed_with_the_same_keys_is_refused():
    ours, theirs = (Seal(namespace=name, signing=NEW) for name in ("ours", "theirs"))
    with pytest.raises(SecurityError, match="for another queue, id or namespace"):
        ours.open(theirs.seal(BODY, queue="default", id="1"), queue="default", id="1")


@pytest.mark.parametrize("way", WAYS)
def test_queue_and_id_can_not_trade_letters(way):
    seal = Seal(namespace="proj", **WAYS[way])
    sealed = seal.seal(BODY, queue="ab", id="c")
    with pytest.raises(SecurityError):
        seal.open(sealed, queue="a", id="bc")


def test_a_message_can_not_pass_for_a_result(seal):
    sealed = seal.seal(BODY, queue="", id="1")
    with pytest.raises(SecurityError):
        seal.open_record("1", sealed)


def test_a_result_can_not_pass_for_a_message(seal):
    sealed = seal.seal_record("1", BODY)
    with pytest.raises(SecurityError):
        seal.open(sealed, queue="", id="1")


def test_every_changed_bit_is_noticed(seal):
    sealed = bytearray(seal.seal(BODY, queue="default", id="1"))
    for place in range(len(sealed)):
        sealed[place] ^= 1
        with pytest.raises(SecurityError):
            seal.open(bytes(sealed), queue="default", id="1")
        sealed[place] ^= 1
    assert seal.open(bytes(sealed), queue="default", id="1") == BODY


def test_everything_cut_short_is_noticed(seal):
    sealed = seal.seal(BODY, queue="default", id="1")
    for end in range(len(sealed)):
        with pytest.raises(SecurityError):
            seal.open(sealed[:end], queue="default", id="1")


def test_what_is_longer_than_it_was_is_noticed(seal):
    sealed = seal.seal(BODY, queue="default", id="1")
    with pytest.raises(SecurityError):
        seal.open(sealed + b" ", queue="default", id="1")


def test_an_unsigned_message_is_refused_where_there_are_keys():
    with pytest.raises(SecurityError, match="bad signature: there is none"):
        Seal(namespace="proj", signing=NEW).open(BODY, queue="default", id="1")


def test_a_plain_message_is_refused_where_it_should_be_encrypted():
    with pytest.raises(SecurityError, match="it is not encrypted"):
        Seal(namespace="proj", encryption=NEW).open(BODY, queue="default", id="1")


def test_a_signature_alone_does_not_pass_where_encryption_is_asked_for_too():
    signed = Seal(namespace="proj", signing=NEW).seal(BODY, queue="default", id="1")
    both = Seal(namespace="proj", signing=NEW, encryption=OLD)
    with pytest.raises(SecurityError, match="it is not encrypted"):
        both.open(signed, queue="default", id="1")


@pytest.mark.parametrize("way", WAYS)
def test_while_keys_are_introduced_plain_bodies_may_pass(way):
    lenient = Seal(namespace="proj", lenient=True, **WAYS[way])
    assert lenient.open(BODY, queue="default", id="1") == BODY
    assert lenient.open_record("1", BODY) == BODY


def test_lenience_does_not_let_a_wrong_signature_pass():
    lenient = Seal(namespace="proj", signing=NEW, lenient=True)
    sealed = lenient.seal(BODY, queue="default", id="1")
    with pytest.raises(SecurityError, match="bad signature"):
        lenient.open(sealed[:-1], queue="default", id="1")


def test_a_key_that_is_not_here_is_named():
    sealed = Seal(namespace="proj", signing=NEW).seal(BODY, queue="default", id="1")
    with pytest.raises(SecurityError, match="by key 'new', which is not among message_keys here"):
        Seal(namespace="proj", signing=OLD).open(sealed, queue="default", id="1")


def test_another_secret_under_the_same_id_is_refused():
    sealed = Seal(namespace="proj", signing=NEW).seal(BODY, queue="default", id="1")
    other = KeyRing({"new": b"quite another secret under that id"})
    with pytest.raises(SecurityError, match="with another secret"):
        Seal(namespace="proj", signing=other).open(sealed, queue="default", id="1")


@pytest.mark.parametrize("use", ["signing", "encryption"])
def test_keys_change_without_a_message_being_refused(use):
    """The way the documentation tells: new behind old, new before old, old away."""
    steps = [Seal(namespace="proj", **{use: ring}) for ring in (OLD, BOTH_OLD_FIRST, BOTH, NEW)]
    for before, after in pairwise(steps):
        for sender, receiver in ((before, after), (after, before)):
            sealed = sender.seal(BODY, queue="default", id="1")
            assert receiver.open(sealed, queue="default", id="1") == BODY


@pytest.mark.parametrize("use", ["signing", "encryption"])
def test_a_key_taken_away_opens_nothing_more(use):
    sealed = Seal(namespace="proj", **{use: OLD}).seal(BODY, queue="default", id="1")
    with pytest.raises(SecurityError, match="by key 'old', which is not among"):
        Seal(namespace="proj", **{use: NEW}).open(sealed, queue="default", id="1")


def test_an_old_message_is_refused_where_an_age_is_set(monkeypatch):
    seal = Seal(namespace="proj", signing=NEW, max_age=60)
    monkeypatch.setattr(sealing, "time", lambda: 1000.0)
    sealed = seal.seal(BODY, queue="default", id="1")
    monkeypatch.setattr(sealing, "time", lambda: 1060.0)
    assert seal.open(sealed, queue="default", id="1") == BODY
    monkeypatch.setattr(sealing, "time", lambda: 1061.0)
    with pytest.raises(SecurityError, match="61 s old, and message_max_age is 60 s"):
        seal.open(sealed, queue="default", id="1")


def test_the_age_of_a_delayed_message_counts_from_when_it_was_due(monkeypatch):
    seal = Seal(namespace="proj", signing=NEW, max_age=60)
    monkeypatch.setattr(sealing, "time", lambda: 1000.0)
    sealed = seal.seal(BODY, queue="default", id="1", due=5000.0)
    monkeypatch.setattr(sealing, "time", lambda: 5060.0)
    assert seal.open(sealed, queue="default", id="1") == BODY
    monkeypatch.setattr(sealing, "time", lambda: 5061.0)
    with pytest.raises(SecurityError, match="message_max_age"):
        seal.open(sealed, queue="default", id="1")


def test_nothing_is_decoded_before_the_signature_is_checked(monkeypatch):
    def decode(*args):
        raise AssertionError("decoded")

    monkeypatch.setattr(envelope, "unpack", decode)
    seal = Seal(namespace="proj", signing=NEW)
    for garbage in (b"", b"\x01", b"\x01\xff", b"\x01\x03new", BODY, b"\x80", b"\x00" * 100):
        with pytest.raises(SecurityError):
            seal.open(garbage, queue="default", id="1")


def test_an_error_shows_nothing_of_the_body():
    seal = Seal(namespace="proj", signing=NEW)
    for secret in (b"tell nobody", b"\x01\x0btell nobody......", b"\x01\x03new tell nobody"):
        with pytest.raises(SecurityError) as caught:
            seal.open(secret * 10, queue="default", id="1")
        if not secret.startswith(b"\x01\x0b"):  # there it stands where a key's id should be
            assert "tell" not in str(caught.value)


def test_what_ids_come_to_from_bytes_that_are_no_text_can_be_sealed():
    seal = Seal(namespace="proj", signing=NEW)
    sealed = seal.seal(BODY, queue="default", id="\udcff")
    assert seal.open(sealed, queue="default", id="\udcff") == BODY


def test_a_refused_signature_is_a_decode_error_too():
    assert issubclass(SecurityError, DecodeError)
