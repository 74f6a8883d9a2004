from __future__ import annotations

import pytest
from msgspec import UNSET, Raw

from asynq import states
from asynq.exceptions import DecodeError
from asynq.wire.failures import Failure
from asynq.wire.record import Record, decode, encode


def test_a_plain_result_is_short():
    assert encode(Record(result=Raw(b"8")), "json") == b'{"result":8}'


@pytest.mark.parametrize("serializer", ["json", "msgpack"])
def test_a_failure_comes_back_as_it_was(serializer: str):
    cause = Failure(type="builtins.OSError", text="gone")
    members = (Failure(type="builtins.KeyError", args=(b"plain".decode(), 1)),)
    error = Failure(
        type="a.B", text="wrong", args=(1, [None]), traceback="T", cause=cause, members=members
    )
    record = Record(status=states.FAILURE, error=error, date_done=5.5, retries=3, worker="w")
    assert decode(encode(record, serializer)) == record


def test_a_record_without_a_result_has_none():
    assert decode(encode(Record(status=states.STARTED), "json")).result is UNSET


@pytest.mark.parametrize("state", [states.SUCCESS, states.FAILURE, states.REVOKED])
def test_a_task_that_is_over_stays_over(state: str):
    assert Record(status=state).final


@pytest.mark.parametrize("state", [states.PENDING, states.STARTED, states.RETRY, "PROGRESS"])
def test_a_task_on_its_way_is_not_over(state: str):
    assert not Record(status=state).final


def test_what_is_no_record_is_an_error():
    with pytest.raises(DecodeError, match="not a record"):
        decode(b'{"status":5}')
