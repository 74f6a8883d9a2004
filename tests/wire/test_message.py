from __future__ import annotations

import math

import msgspec
import pytest
from msgspec import UNSET, Raw

from asynq.exceptions import DecodeError, EncodeError
from asynq.wire.message import VERSION, Message, decode, encode


def test_a_plain_call_is_short():
    body = encode(Message(task="proj.add", args=Raw(b"[4,4]")), "json")
    assert body == b'{"task":"proj.add","args":[4,4]}'


@pytest.mark.parametrize("serializer", ["json", "msgpack"])
def test_a_message_comes_back_as_it_was(serializer: str):
    module = msgspec.json if serializer == "json" else msgspec.msgpack
    message = Message(
        task="proj.add",
        args=Raw(module.encode([4])),
        kwargs=Raw(module.encode({"y": 4})),
        retries=2,
        priority=9,
        reply_to="me",
        root_id="r",
        parent_id="p",
        eta=1.5,
        ignore_result=False,
        result_expires=60.0,
        unknown_since=7.25,
        shadow="sum",
        headers={"trace": ["a", 1, None]},
    )
    back = decode(encode(message, serializer))
    for field in message.__struct_fields__:
        sent, came = getattr(message, field), getattr(back, field)
        assert (bytes(came) if isinstance(came, Raw) else came) == (
            bytes(sent) if isinstance(sent, Raw) else sent
        ), field


def test_a_call_without_arguments_has_none():
    back = decode(encode(Message(task="proj.ping"), "json"))
    assert (back.args, back.kwargs) == (UNSET, UNSET)


def test_a_message_can_be_written_by_hand():
    message = decode(b' {"task": "proj.add", "args": [4, 4]}'.strip())
    assert bytes(message.args) == b"[4, 4]"  # type: ignore[arg-type]


def test_a_message_of_a_newer_version_is_refused():
    body = encode(Message(task="proj.add", version=VERSION + 1), "json")
    with pytest.raises(DecodeError, match="update the workers before the services that send"):
        decode(body)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"task":5}', b"\x80", b"junk", b'{"task":"a","eta":"x"}']
)
def test_what_is_no_message_is_an_error(body: bytes):
    with pytest.raises(DecodeError, match="not a message"):
        decode(body)


@pytest.mark.parametrize("serializer", ["json", "msgpack"])
@pytest.mark.parametrize("header", [object(), "\ud800", [[object()]]], ids=["object", "half", "in"])
def test_a_header_that_can_not_be_written_is_an_error(header: object, serializer: str):
    with pytest.raises(EncodeError, match="message: a field or a header can't be written"):
        encode(Message(task="proj.add", headers={"x": header}), serializer)


NONSENSE = {
    "a time that is no number": {"eta": math.nan},
    "a time without end": {"expires": math.inf},
    "a time after the calendar": {"unknown_since": 1e15},
    "a time before the calendar": {"eta": -1e15},
    "a negative lifetime": {"result_expires": -1},
    "a limit that is no number": {"time_limit": math.nan},
    "a limit without end": {"soft_time_limit": math.inf},
    "a negative count": {"retries": -1},
    "a huge count": {"retries": 1 << 62},
    "a priority that does not exist": {"priority": 10},
    "an id that is a book": {"root_id": "x" * 201},
    "a parent that is a book": {"parent_id": "x" * 201},
    "a name to show that is a book": {"shadow": "x" * 201},
    "an address that is a book": {"reply_to": "x" * 201},
    "a serializer that is a book": {"content": "x" * 65},
    "more attempts than are kept": {
        "attempts": [{"started": 1, "seconds": 1, "state": "RETRY"}] * 21
    },
    "an attempt at no time": {"attempts": [{"started": math.nan, "seconds": 1, "state": "RETRY"}]},
    "an attempt without end": {"attempts": [{"started": 1, "seconds": math.inf, "state": "R"}]},
    "a number for a name": {"task": 7},
    "a list for headers": {"headers": [1]},
    "no name at all": {"task": None},
}


@pytest.mark.parametrize("fields", NONSENSE.values(), ids=NONSENSE)
def test_a_field_with_nonsense_in_it_makes_no_message(fields):
    with pytest.raises(DecodeError, match="not a message"):
        decode(msgspec.msgpack.encode({"task": "proj.add", **fields}))


def test_what_callers_may_ask_for_is_no_nonsense():
    moments = {"eta": -62135596800.0, "expires": 253402300799.0}
    body = encode(Message(task="t", result_expires=1e300, retries=1 << 30, **moments), "msgpack")
    assert decode(body).result_expires == 1e300
