from __future__ import annotations

import msgspec
import pytest
from msgspec import UNSET, Raw, Struct, UnsetType

from asynq.exceptions import DecodeError
from asynq.wire.envelope import JSON, MSGPACK, blob, format_of, pack, unblob, unpack


class Letter(Struct, frozen=True, omit_defaults=True):
    to: str
    body: Raw | UnsetType = UNSET
    copies: int = 1


def test_json_can_be_read_by_people():
    assert pack(Letter("you", Raw(b"[4,4]")), JSON) == b'{"to":"you","body":[4,4]}'


@pytest.mark.parametrize("name", [JSON, MSGPACK])
def test_the_first_byte_tells_the_format(name: str):
    assert format_of(pack(Letter("you"), name)) == name


@pytest.mark.parametrize("name", [JSON, MSGPACK])
def test_an_envelope_comes_back_and_what_is_in_it_stays_bytes(name: str):
    module = msgspec.json if name == JSON else msgspec.msgpack
    inside = module.encode([1, {"a": None}])
    letter = unpack(pack(Letter("you", Raw(inside), 3), name), Letter)
    assert (letter.to, letter.copies) == ("you", 3)
    assert isinstance(letter.body, Raw)
    assert bytes(letter.body) == inside


def test_bytes_of_a_foreign_serializer_travel_whole():
    data = bytes(range(256)) * 300
    letter = unpack(pack(Letter("you", blob(data)), "pickle"), Letter)
    assert isinstance(letter.body, Raw)
    assert unblob(letter.body) == data


def test_what_is_no_blob_is_an_error():
    with pytest.raises(DecodeError, match="not a byte string"):
        unblob(Raw(b"\x01"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b'{"to":5}',
        b'{"to":"you","body":[1,}',
        b'{"to":"\xff"}',
        b"\xc1",
        b"\x81\xa2to",
        b"\x81\xa2to\xa1\xff",
        b"\x00" * 50,
        b'{"body":' + b"[" * 100_000,
        b"\x81\xa4body" + b"\x91" * 100_000,
        b'{"more":' + b"[" * 100_000,
    ],
    ids=lambda data: repr(data[:20]),
)
def test_other_bytes_are_an_error_that_does_not_repeat_them(data: bytes):
    with pytest.raises(DecodeError, match="not a letter") as caught:
        unpack(data, Letter)
    assert len(str(caught.value)) < 200


def test_fields_of_a_newer_release_are_ignored():
    assert unpack(b'{"to":"you","colour":"red"}', Letter) == Letter("you")
