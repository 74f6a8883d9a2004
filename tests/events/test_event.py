"""What travels, and the events that are made of it."""

import pytest

from asynq.events.event import (
    FAILED,
    IGNORED,
    REJECTED,
    RETRIED,
    REVOKED,
    TYPES,
    Batch,
    Life,
    called,
    decode,
    encode,
    events_of,
)
from asynq.exceptions import DecodeError

COMMON = {"type", "uuid", "name", "queue", "retries", "timestamp", "clock", "hostname", "pid"}
COMMON |= {"utcoffset", "local_received"}
CALL = {"args", "kwargs", "eta", "expires", "root_id", "parent_id"}


def batch(*lives, others=()):
    return Batch(
        "w@here", 7, "source", 1, 1000.0, 1, tasks=[("t", "q", [*lives])], others=[*others]
    )


def events(*lives, **more):
    return events_of(decode(encode(batch(*lives, **more))), None, 2000.0)


def fields(event):
    return {key: value for key, value in event.items() if key not in COMMON}


def test_a_short_task_is_told_of_at_once_and_has_three_events():
    life = Life("1", args=b"[4,4]", received=5, started=7, ended=107, text="8")
    received, started, succeeded = events(life)
    assert [each["type"] for each in (received, started, succeeded)] == [
        "task-received",
        "task-started",
        "task-succeeded",
    ]
    for event in (received, started, succeeded):
        assert (event["uuid"], event["name"], event["queue"]) == ("1", "t", "q")
        assert (event["hostname"], event["pid"], event["utcoffset"]) == ("w@here", 7, 1)
        assert event["local_received"] == 2000.0
    assert received["clock"] < started["clock"] < succeeded["clock"]
    assert received["timestamp"] == 1000.000005
    assert fields(received) == {
        "args": "(4, 4)",
        "kwargs": "{}",
        "eta": None,
        "expires": None,
        "root_id": "1",
        "parent_id": None,
    }
    assert fields(started) == {}
    assert fields(succeeded) == {"result": "8", "runtime": 0.0001}


def test_a_call_that_was_sent():
    life = Life("1", 2, sent=5, kwargs=b'{"x":1}', root_id="0", parent_id="9", more={"eta": "then"})
    (sent,) = events(life)
    assert sent["type"] == "task-sent"
    assert fields(sent) == {
        "args": "()",
        "kwargs": "{'x': 1}",
        "eta": "then",
        "expires": None,
        "root_id": "0",
        "parent_id": "9",
        "exchange": "",
        "routing_key": "q",
    }
    assert sent["retries"] == 2


@pytest.mark.parametrize(
    ("life", "type", "told"),
    [
        (
            Life("1", ended=1, kind=FAILED, text="no", traceback="Tr"),
            "task-failed",
            {"exception": "no", "traceback": "Tr"},
        ),
        (
            Life("1", ended=1, kind=RETRIED, text="no"),
            "task-retried",
            {"exception": "no", "traceback": None},
        ),
        (
            Life("1", ended=1, kind=REVOKED, more={"expired": True}),
            "task-revoked",
            {"terminated": False, "signum": None, "expired": True},
        ),
        (Life("1", ended=1, kind=REJECTED), "task-rejected", {"requeue": False}),
        (
            Life("1", ended=1, kind=REJECTED, more={"requeue": True, "eta": "then"}),
            "task-rejected",
            {"requeue": True},
        ),
        (Life("1", ended=1, kind=IGNORED), "task-ignored", {}),
        (Life("1", ended=1, ran=500), "task-succeeded", {"result": "None", "runtime": 0.0005}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_end_has_celerys_name_and_fields(life, type, told):
    (event,) = events(life)
    assert event["type"] == type
    assert type in TYPES
    assert fields(event) == told


def test_events_of_a_batch_come_in_the_order_in_which_they_happened():
    first, second = Life("1", received=1, ended=9), Life("2", received=3, ended=5)
    other = {"type": "worker-heartbeat", "timestamp": 1000.000004, "active": 1}
    told = events(first, second, others=[other])
    assert [(each.get("uuid"), each["type"]) for each in told] == [
        ("1", "task-received"),
        ("2", "task-received"),
        (None, "worker-heartbeat"),
        ("2", "task-succeeded"),
        ("1", "task-succeeded"),
    ]


def test_only_what_is_wanted_is_made():
    life = Life("1", received=1, ended=2)
    told = events_of(batch(life, others=[{"type": "x", "timestamp": 1.0}]), {"task-succeeded"}, 0.0)
    assert [each["type"] for each in told] == ["task-succeeded"]


def test_an_event_of_ones_own_may_have_a_field_called_timestamp():
    (event,) = events(others=[{"type": "my-event", "timestamp": "noon"}])
    assert event["timestamp"] == 1000.0


@pytest.mark.parametrize(
    ("data", "named", "text"),
    [
        (None, False, "()"),
        (None, True, "{}"),
        (b"[1]", False, "(1,)"),
        (b'{"a":[1]}', True, "{'a': [1]}"),
        ("[1, 2, …", False, "[1, 2, …"),
        (b"[1", False, "[1"),
        (b"\xff", False, "�"),
    ],
)
def test_arguments_look_as_they_do_in_python(data, named, text):
    assert called(data, named=named) == text


def test_a_batch_of_a_short_task_is_small():
    lives = [
        Life(
            f"01a22a94-d14c-7509-b762-{n:012}", args=b"[%d]" % n, received=n, started=n + 9, ended=n
        )
        for n in range(1000)
    ]
    assert len(encode(batch(*lives))) / 1000 < 80


@pytest.mark.parametrize("body", [b"", b"{}", b"\x80", b"\xff" * 9, encode(batch())[:-3]])
def test_what_is_no_batch_is_refused(body):
    with pytest.raises(DecodeError, match="not a batch of events"):
        decode(body)


def test_a_later_version_says_what_to_do():
    later = batch()
    later.version = 2
    with pytest.raises(DecodeError, match="update monitors before workers"):
        decode(encode(later))
