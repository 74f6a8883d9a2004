from __future__ import annotations

import json

import pytest
from msgspec import UNSET, Raw

from asynq import states
from asynq.exceptions import DecodeError
from asynq.wire.attempts import Attempt
from asynq.wire.failures import Failure
from asynq.wire.record import Record, decode, encode, moment


def test_a_plain_result_is_short():
    record = Record(result=Raw(b"true"), done=1795384599516)
    assert encode(record, "json") == b'{"r":true,"t":1795384599516}'
    assert len(encode(record, "json")) <= 28


def test_of_a_result_of_none_there_is_nothing():
    assert encode(Record(done=1795384599516), "json") == b'{"t":1795384599516}'


def test_every_field_has_its_letter():
    full = Record(
        status=states.RETRY,
        result=Raw(b"[1]"),
        error=Failure(type="a.B", text="wrong"),
        content="msgpack",
        done=5,
        retries=1,
        attempts=(Attempt(started=1.0, seconds=2.0, state=states.RETRY),),
        worker="w",
        task="t",
        args="()",
        kwargs="{}",
        queue="q",
    )
    named = json.loads(encode(full, "json"))
    assert [*named] == ["s", "r", "e", "c", "t", "n", "a", "w", "task", "args", "kwargs", "queue"]
    assert decode(encode(full, "json")) == full


def test_a_record_is_over_at_a_moment_to_the_millisecond():
    record = Record(done=moment(1795384599.5156748))
    assert decode(encode(record, "json")).date_done == 1795384599.516
    assert Record().date_done is None


@pytest.mark.parametrize("never", [b"1e400", b"253402300800000", b"-62135596800001", b'"now"'])
def test_a_moment_outside_the_calendar_is_refused(never: bytes):
    with pytest.raises(DecodeError):
        decode(b'{"t":%b}' % never)


@pytest.mark.parametrize("serializer", ["json", "msgpack"])
def test_a_failure_comes_back_as_it_was(serializer: str):
    cause = Failure(type="builtins.OSError", text="gone")
    members = (Failure(type="builtins.KeyError", args=(b"plain".decode(), 1)),)
    error = Failure(
        type="a.B", text="wrong", args=(1, [None]), traceback="T", cause=cause, members=members
    )
    record = Record(status=states.FAILURE, error=error, done=5500, retries=3, worker="w")
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
        decode(b'{"s":5}')
