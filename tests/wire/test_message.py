from __future__ import annotations

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
