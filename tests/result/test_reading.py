import math
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from msgspec import Raw

from asynq.exceptions import ContentDisallowed, SecurityError
from asynq.result.reading import UNKNOWN, Results
from asynq.wire.arguments import Returned
from asynq.wire.attempts import Attempt
from asynq.wire.failures import Failure
from asynq.wire.keyring import KeyRing
from asynq.wire.record import Record, encode
from asynq.wire.sealing import Seal
from asynq.wire.serialization import encode_value

results = Results(backend=lambda: None, accept=lambda: ["json", "msgpack"])


@dataclass
class Point:
    x: int


def point() -> Point:
    return Point(1)


def test_nothing_stored_is_pending():
    update = results.read(None, None)
    assert update is UNKNOWN
    assert (update.state, update.result, update.ready) == ("PENDING", None, False)


@pytest.mark.parametrize("serializer", ["json", "msgpack"])
def test_a_value_is_read(serializer):
    raw, content = encode_value({"day": datetime(2026, 1, 2, tzinfo=UTC)}, serializer)
    body = encode(Record(result=raw, content=content, done=1500, retries=2), serializer)
    update = results.read(body, None)
    assert update.result == {"day": datetime(2026, 1, 2, tzinfo=UTC)}
    assert update.info is update.result
    assert update.date_done == datetime.fromtimestamp(1.5, UTC)
    assert (update.state, update.ready, update.retries) == ("SUCCESS", True, 2)


def test_a_value_is_read_as_annotated():
    returned = Returned(point, name="proj.point")
    raw, content = returned.encode(Point(7))
    assert results.read(encode(Record(result=raw, content=content), "json"), returned).result == (
        Point(7)
    )


def test_the_meta_of_a_state_on_the_way_is_not_read_as_annotated():
    raw, content = encode_value({"done": 3})
    body = encode(Record(status="PROGRESS", result=raw, content=content), "json")
    update = results.read(body, Returned(point, name="proj.point"))
    assert (update.state, update.info, update.ready) == ("PROGRESS", {"done": 3}, False)


def test_the_attempts_are_read():
    tried = Attempt(started=1.0, seconds=2.0, worker="w", state="RETRY", error="KeyError: 'k'")
    last = Attempt(started=9.0, seconds=2.0, worker="w", state="SUCCESS")
    body = encode(Record(done=11_000, attempts=(tried, last)), "json")
    assert results.read(body, None).attempts == (tried, last)


def test_a_task_that_succeeded_at_once_had_one_attempt_of_which_little_is_known():
    (only,) = results.read(encode(Record(done=1500, worker="w"), "json"), None).attempts
    assert (only.started, only.worker, only.state, only.error) == (1.5, "w", "SUCCESS", None)
    assert math.isnan(only.seconds)


@pytest.mark.parametrize("status", ["STARTED", "RETRY", "REVOKED", "PROGRESS"])
def test_what_has_not_run_to_an_end_has_no_attempts(status):
    assert results.read(encode(Record(status=status), "json"), None).attempts == ()


def test_an_error_is_rebuilt_with_its_traceback():
    try:
        raise ValueError("boom")
    except ValueError as error:
        record = Record(status="FAILURE", error=Failure.of(error))
    update = results.read(encode(record, "json"), None)
    assert isinstance(update.result, ValueError)
    assert "boom" in update.traceback


def test_a_format_that_is_not_accepted_is_not_read():
    only_json = Results(backend=lambda: None, accept=lambda: ["json"])
    body = encode(Record(result=Raw(b"\x01"), content="pickle"), "pickle")
    with pytest.raises(ContentDisallowed, match="pickle"):
        only_json.read(body, None)


def test_who_ran_what_is_read_where_it_is_stored():
    call = {"args": "(4,)", "kwargs": "{}", "queue": "q", "worker": "w"}
    update = results.read(encode(Record(task="t", **call), "json"), None)
    assert (update.name, update.args, update.kwargs) == ("t", "(4,)", "{}")
    assert (update.queue, update.worker) == ("q", "w")


def test_a_sealed_record_is_read_under_its_own_id_alone():
    seal = Seal(namespace="proj", signing=KeyRing({"k": b"a secret that is long enough"}))
    sealed = Results(lambda: None, lambda: ["json"], seal=lambda: seal)
    body = encode(Record(result=Raw(b"8")), "json")
    assert sealed.read(seal.seal_record("1", body), None, id="1").result == 8
    for forged, id in ((seal.seal_record("1", body), "2"), (body, "1")):
        with pytest.raises(SecurityError, match="bad signature"):
            sealed.read(forged, None, id=id)


def test_a_sealed_record_is_not_read_without_keys():
    seal = Seal(namespace="proj", signing=KeyRing({"k": b"a secret that is long enough"}))
    with pytest.raises(SecurityError, match="there are no message_keys here"):
        results.read(seal.seal_record("1", b"{}"), None, id="1")
