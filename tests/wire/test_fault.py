"""A failure as it travels: whatever its call was written with, and sealed for its workflow."""

from __future__ import annotations

import pytest
from msgspec import Raw

from asynq.exceptions import DecodeError, SecurityError
from asynq.wire.arguments import decode_call, encode_call
from asynq.wire.failures import Failure, rebuild
from asynq.wire.fault import Fault
from asynq.wire.keyring import KeyRing
from asynq.wire.message import Message
from asynq.wire.sealing import Seal

KEYS = KeyRing({"k": b"a secret of these tests that is long enough"})


def fault(message: Message) -> Fault:
    return Fault(id="1", error=Failure.of(ValueError("why", 7)), message=message)


def test_it_comes_back_as_it_was():
    message = Message(task="t", retries=2, args=Raw(b"[1,2]"), kwargs=Raw(b'{"k":3}'))
    read = Fault.open("flow", None, fault(message).seal("flow", None))
    assert rebuild(read.error).args == ("why", 7)
    assert (read.id, read.message.task, read.message.retries) == ("1", "t", 2)
    assert decode_call(read.message) == ([1, 2], {"k": 3})
    assert (read.state, read.silent) == ("FAILURE", False)


@pytest.mark.parametrize("serializer", ["json", "msgpack", "pickle"])
def test_its_call_may_be_written_with_any_serializer(serializer: str):
    args, kwargs, content = encode_call([1, "two"], {"k": 3.5}, serializer)
    message = Message(task="t", args=args, kwargs=kwargs, content=content)
    read = Fault.open("flow", None, fault(message).seal("flow", None))
    found, named = decode_call(read.message)
    assert ([*found], named) == ([1, "two"], {"k": 3.5})


@pytest.mark.parametrize("way", ["signing", "encryption"])
def test_what_is_sealed_is_of_one_workflow(way: str):
    seal = Seal(namespace="n", **{way: KEYS})
    sealed = fault(Message(task="t")).seal("flow", seal)
    assert Fault.open("flow", seal, sealed).id == "1"
    with pytest.raises(SecurityError):
        Fault.open("another", seal, sealed)


@pytest.mark.parametrize("wrong", [b"", b"{", b"\x81", b'{"id":"1"}', b"\x01signed"])
def test_what_is_none_is_an_error(wrong: bytes):
    with pytest.raises(DecodeError):
        Fault.open("flow", None, wrong)
