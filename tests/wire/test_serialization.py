from __future__ import annotations

import json
import math
import pickle
from datetime import date

import pytest

from asynq.exceptions import ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured
from asynq.wire.serialization import (
    check_accepted,
    decode_value,
    dumps,
    encode_value,
    known_serializers,
    loads,
    register_serializer,
)

ALL = ("json", "msgpack", "pickle")


@pytest.mark.parametrize("serializer", ALL)
@pytest.mark.parametrize(
    "value",
    [None, 8, 2**80, -(2**70), 1.5, math.inf, "text", "null", b"\xff", (1, {2}), date(2026, 1, 1)],
    ids=repr,
)
def test_a_value_comes_back_as_it_was(serializer: str, value: object):
    assert loads(dumps(value, serializer), serializer) == value


@pytest.mark.parametrize("serializer", ALL)
def test_a_value_in_an_envelope_comes_back_as_it_was(serializer: str):
    raw, content = encode_value({"a": (1, b"x")}, serializer)
    assert decode_value(raw, content) == {"a": (1, b"x")}


def test_json_is_the_content_that_is_not_named():
    assert [encode_value(1, each)[1] for each in ALL] == ["", "msgpack", "pickle"]


def test_a_float_that_is_no_number_does_not_become_null():
    assert math.isnan(loads(dumps(math.nan)))
    assert loads(dumps([None, {"a": math.inf}, -math.inf])) == [None, {"a": math.inf}, -math.inf]


def test_json_can_be_read_by_people():
    assert dumps({"a": [1, None, "é"]}) == '{"a":[1,null,"é"]}'.encode()
    assert json.loads(dumps({1: 2})) == {"__type__": "dict", "value": [[1, 2]]}


def test_bytes_that_are_not_the_format_are_an_error():
    for serializer in ALL:
        with pytest.raises(DecodeError, match=f"not {serializer}"):
            loads(b"\xc1 [", serializer)


@pytest.mark.parametrize("serializer", ["json", "msgpack"])
def test_hostile_nesting_is_an_error(serializer: str):
    with pytest.raises(DecodeError):
        loads(b"[" * 100_000 if serializer == "json" else b"\x91" * 100_000, serializer)


def test_hostile_nesting_of_tags_is_an_error():
    tag = b'{"__type__":"tuple","value":['
    with pytest.raises(DecodeError):
        loads(tag * 400 + b"]}" * 400)


def test_an_unknown_serializer_names_the_known_ones():
    with pytest.raises(ImproperlyConfigured, match="expected one of json, msgpack, pickle"):
        dumps(1, "yaml")
    with pytest.raises(DecodeError, match=r"not registered here \(known: json, msgpack, pickle"):
        loads(b"1", "yaml")


def test_a_registered_serializer_is_used():
    register_serializer("test.repr", lambda value: repr(value).encode(), lambda data: data.decode())
    raw, content = encode_value([1], "test.repr")
    assert (content, decode_value(raw, content)) == ("test.repr", "[1]")
    assert "test.repr" in known_serializers()


def test_a_registered_serializer_may_write_text():
    register_serializer("test.text", json.dumps, json.loads)  # type: ignore[arg-type]
    assert dumps({"a": 1}, "test.text") == b'{"a": 1}'


def test_registering_a_name_again_replaces_it():
    register_serializer("test.twice", lambda value: b"1", lambda data: 1)
    register_serializer("test.twice", lambda value: b"2", lambda data: 2)
    assert loads(b"", "test.twice") == 2


@pytest.mark.parametrize("name", ["json", "msgpack", "pickle"])
def test_a_built_in_serializer_can_not_be_replaced(name: str):
    with pytest.raises(ImproperlyConfigured, match="built in"):
        register_serializer(name, pickle.dumps, pickle.loads)


@pytest.mark.parametrize("name", ["", "JSON", "a b", "x" * 65, "1", "a\n"])
def test_a_serializer_has_a_plain_name(name: str):
    with pytest.raises(ImproperlyConfigured, match="not a serializer's name"):
        register_serializer(name, pickle.dumps, pickle.loads)


def test_what_a_foreign_serializer_raises_is_our_error_with_its_cause():
    with pytest.raises(EncodeError, match="args: pickle can't write it") as caught:
        dumps(lambda: None, "pickle", what="args")
    assert caught.value.__cause__ is not None
    with pytest.raises(DecodeError, match="not pickle") as read:
        loads(b"junk", "pickle")
    assert read.value.__cause__ is not None


def test_only_accepted_content_passes():
    check_accepted("json", ["json"])
    check_accepted("", ("json",))
    check_accepted("pickle", {"json", "application/x-python-serialize"})
    with pytest.raises(ContentDisallowed) as caught:
        check_accepted("pickle", ["json", "msgpack"])
    assert "'pickle'" in str(caught.value)
    assert "accept_content names only json, msgpack" in str(caught.value)
    with pytest.raises(ContentDisallowed, match="names only nothing"):
        check_accepted("", [])
