"""What is stored of a task: of whom it tells, for how long it is kept, and how large it may be."""

import pytest

from asynq import states
from asynq.brokers.base import Delivery
from asynq.exceptions import EncodeError, NotRegistered, PayloadTooLarge, SecurityError
from asynq.execution.outcome import Success
from asynq.execution.run import failed
from asynq.request import Request
from asynq.wire.keyring import KeyRing
from asynq.wire.message import Message
from asynq.wire.record import decode
from asynq.wire.sealing import Seal
from asynq.worker.records import Records
from asynq.worker.state import Run

SEAL = Seal(namespace="proj", signing=KeyRing({"k": b"a secret that is long enough"}))
DELIVERY = Delivery(id="1", queue="q", body=b"")


def records(**changes):
    known = {"hostname": "w@here", "serializer": "json", "max_bytes": 1000, "extended": False}
    return Records(**{**known, "expires": 77.0, **changes})


@pytest.fixture
def made(app):
    """Makes runs of a task with these options."""

    def made(message=Message(task="t"), **options):  # noqa: B008 - frozen
        @app.task(name="t", **options)
        def t(*args): ...

        request = Request(id="1", task="t", ignore_result=t.ignore_result)
        return Run(delivery=DELIVERY, message=message, task=t, request=request)

    return made


def endings(run, where):
    """The records of all the ways in which a run may end, and of those on the way."""
    broken = failed(run.task, ValueError("no"))
    return {
        "STARTED": where.started(run),
        "RETRY": where.retrying(run, broken.failure, ()),
        "SUCCESS": where.success(run, Success(1)),
        "FAILURE": where.failure(run, broken.failure),
        "REVOKED": where.revoked(run, "terminated"),
    }


def test_only_what_will_not_change_again_is_final(made):
    for state, stored in endings(made(), records()).items():
        assert decode(stored.body).status == state
        assert stored.final == (state in states.READY_STATES) == decode(stored.body).final


@pytest.mark.parametrize(
    ("options", "asked", "ttl"),
    [({}, None, 86400.0), ({"result_expires": 5}, None, 5.0), ({"result_expires": 5}, 9.0, 9.0)],
)
def test_it_is_kept_as_long_as_the_call_says_else_the_task_else_the_setting(
    made, options, asked, ttl
):
    run = made(Message(task="t", result_expires=asked), **options)
    assert {stored.ttl for stored in endings(run, records()).values()} == {ttl}


def test_a_call_may_have_its_result_kept_for_ever(made):
    run = made(Message(task="t", result_expires=0.0), result_expires=5)
    assert {stored.ttl for stored in endings(run, records()).values()} == {None}
    refused = records().refused(DELIVERY, run.message, states.FAILURE, NotRegistered("t"))
    assert refused.ttl is None


def test_whoever_sent_the_call_is_told(made):
    run = made(Message(task="t", reply_to="me"))
    assert {stored.reply_to for stored in endings(run, records()).values()} == {"me"}


def test_nothing_is_kept_of_what_is_ignored_but_its_failure_where_that_is_wanted(made):
    kept = endings(made(ignore_result=True), records())
    assert [state for state, stored in kept.items() if stored is not None] == ["STARTED"]
    kept = endings(made(ignore_result=True, store_errors_even_if_ignored=True), records())
    assert kept["FAILURE"] is not None


def test_a_value_that_is_too_large_or_can_not_be_written_is_an_error(made):
    with pytest.raises(PayloadTooLarge, match=r"1,0\d\d bytes, the limit is 1,000"):
        records().success(made(), Success("x" * 1000))
    with pytest.raises(EncodeError):
        records().success(made(), Success(object()))


def test_all_of_them_are_sealed_for_their_task(made):
    run = made()
    sealed = [*endings(run, records(seal=SEAL)).values()]
    sealed.append(
        records(seal=SEAL).refused(DELIVERY, run.message, states.FAILURE, NotRegistered("t"))
    )
    for stored in sealed:
        assert decode(SEAL.open_record("1", stored.body)).status
        with pytest.raises(SecurityError):
            SEAL.open_record("2", stored.body)
