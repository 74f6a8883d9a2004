"""From how a run ended to what follows from it."""

import pytest
from msgspec.structs import replace

from asynq import states
from asynq.brokers.base import ACK, Bury, Delivery, Requeue
from asynq.exceptions import Reject, TaskRevokedError, WorkerLostError
from asynq.execution.outcome import (
    Failed,
    Ignored,
    Interrupted,
    Rejected,
    Retrying,
    Revoked,
    Success,
)
from asynq.execution.run import failed
from asynq.request import Request
from asynq.wire import message as wire
from asynq.wire.attempts import Attempt
from asynq.wire.failures import Failure
from asynq.wire.message import Message
from asynq.wire.record import decode
from asynq.worker.admission import Refusal
from asynq.worker.effects import REQUEUE_PAUSE, Effects
from asynq.worker.records import Records
from asynq.worker.state import Run


@pytest.fixture
def effects():
    records = Records(
        hostname="w@here", serializer="json", max_bytes=1000, extended=False, expires=77.0
    )
    return Effects(records)


@pytest.fixture
def made(app):
    """Makes runs of a task with these options."""

    def made(*, message=None, queue="q", **options):
        @app.task(name="t", **options)
        def t(*args): ...

        return Run(
            delivery=Delivery(id="1", queue=queue, body=b""),
            message=message or Message(task="t"),
            task=t,
            request=Request(id="1", task="t", ignore_result=t.ignore_result),
        )

    return made


def retrying(error=None, **how):
    error = error or ValueError("not yet")
    return Retrying(error, Failure.of(error), **how)


def rejected(*, requeue):
    error = Reject("no thanks", requeue=requeue)
    return Rejected(error, Failure.of(error), requeue=requeue)


# Again


def test_a_retry_goes_back_with_one_retry_more_and_its_attempt(effects, made):
    run = made(message=Message(task="t", retries=2, headers={"a": 1}))
    _, effect = effects.of(run, retrying(delay=5.0))
    assert isinstance(effect.verdict, Requeue)
    assert (effect.verdict.delay, effect.verdict.reset) == (5.0, True)
    message = wire.decode(effect.verdict.body)
    assert (message.retries, message.headers) == (3, {"a": 1})
    (attempt,) = message.attempts
    assert (attempt.worker, attempt.state) == ("w@here", "RETRY")
    assert attempt.error == "ValueError: not yet"


def test_a_retry_is_stored_on_the_way_with_the_error_that_is_its_reason(effects, made):
    _, effect = effects.of(made(), retrying())
    record = decode(effect.record.body)
    assert not effect.record.final
    assert (record.status, record.error.text) == (states.RETRY, "not yet")
    assert len(record.attempts) == 1


def test_a_retry_in_another_queue_is_sent_there_in_the_same_step(effects, made):
    _, effect = effects.of(made(), retrying(changes={"queue": "slow"}, delay=1.0))
    assert effect.verdict == ACK
    (parcel,) = effect.publish
    assert (parcel.id, parcel.queue, parcel.delay) == ("1", "slow", 1.0)


def test_a_retry_of_another_priority_is_sent_anew_for_a_lane_is_of_one(effects, made):
    _, effect = effects.of(made(), retrying(changes={"priority": 9}))
    assert effect.verdict == ACK
    (parcel,) = effect.publish
    assert (parcel.queue, parcel.priority) == ("q", 9)


def test_the_history_of_attempts_ends_with_the_last_one(effects, made):
    first = Attempt(started=1.0, seconds=2.0, worker="v", state="RETRY", error="E: x")
    message = Message(task="t", retries=1, attempts=(first,))
    for outcome, state in [
        (Success(1), states.SUCCESS),
        (failed(made().task, LookupError("gone")), states.FAILURE),
        (Revoked("terminated"), states.REVOKED),
    ]:
        _, effect = effects.of(made(message=message), outcome)
        earlier, last = decode(effect.record.body).attempts
        assert (earlier, last.state) == (first, state)


def test_a_first_success_carries_no_history(effects, made):
    _, effect = effects.of(made(), Success(1))
    assert b"attempts" not in effect.record.body


def test_a_retry_with_arguments_that_can_not_be_written_has_failed(effects, made):
    outcome, effect = effects.of(made(), retrying(changes={"args": (object(),)}))
    assert isinstance(outcome, Failed)
    assert (effect.verdict, decode(effect.record.body).status) == (ACK, states.FAILURE)


def test_a_retry_with_arguments_that_are_too_large_has_failed(effects, made):
    effects = Effects(effects._records, max_bytes=100)
    outcome, effect = effects.of(made(), retrying(changes={"args": ("x" * 70_000,)}))
    assert isinstance(outcome, Failed)
    assert "message_max_bytes" in decode(effect.record.body).error.text


def test_a_retry_that_was_asked_for_by_the_way_leaves_the_result_as_it_is(effects, made):
    _, effect = effects.of(made(), Success("returned", again=retrying(delay=3.0)))
    assert (effect.verdict, effect.record.final) == (ACK, True)
    (parcel,) = effect.publish
    message = wire.decode(parcel.body)
    assert (message.retries, message.ignore_result, parcel.delay) == (1, True, 3.0)


def test_nor_does_the_end_of_its_next_run_change_that(effects, made):
    delivery = Delivery(id="1", queue="q", body=b"")
    message = Message(task="t", retries=1, ignore_result=True)
    error = TaskRevokedError("revoked")
    refusal = Refusal(delivery, ACK, error, message, states.REVOKED)
    assert effects.of_refusal(refusal).record is None


# Not at all


def test_an_ignored_run_is_acknowledged_and_nothing_stored(effects, made):
    _, effect = effects.of(made(), Ignored())
    assert (effect.verdict, effect.record, effect.publish) == (ACK, None, ())


def test_a_rejected_message_becomes_a_dead_letter_and_the_task_has_failed(effects, made):
    _, effect = effects.of(made(), rejected(requeue=False))
    assert replace(effect.verdict, body=None) == Bury("Reject: no thanks")
    assert decode(effect.record.body).status == states.FAILURE


def test_the_run_that_puts_it_aside_is_remembered_in_the_letter(effects, made):
    first = Attempt(started=1.0, seconds=2.0, worker="v", state="RETRY", error="E: x")
    run = made(message=Message(task="t", retries=1, attempts=(first,)))
    _, effect = effects.of(run, rejected(requeue=False))
    message = wire.decode(effect.verdict.body)
    assert message.retries == 1
    assert message.attempts[0] == first
    assert [(each.state, each.error) for each in message.attempts[1:]] == [
        ("FAILURE", "Reject: no thanks")
    ]


def test_or_goes_back_as_it_came_after_a_pause(effects, made):
    _, effect = effects.of(made(), rejected(requeue=True))
    assert (effect.verdict, effect.record) == (Requeue(delay=REQUEUE_PAUSE), None)


def test_a_revoked_run_says_how(effects, made):
    _, effect = effects.of(made(), Revoked("terminated"))
    record = decode(effect.record.body)
    assert (effect.verdict, record.status) == (ACK, states.REVOKED)
    assert (record.error.type, record.error.text) == (
        "asynq.exceptions.TaskRevokedError",
        "terminated",
    )


# Failed


def test_a_failure_may_make_its_message_a_dead_letter(effects, made):
    run = made(acks_on_failure_or_timeout=False)
    _, effect = effects.of(run, failed(run.task, LookupError("gone")))
    assert replace(effect.verdict, body=None) == Bury("LookupError: gone")
    assert decode(effect.record.body).status == states.FAILURE


@pytest.mark.parametrize("rejects", [True, False])
def test_a_dead_child_is_a_failure_or_one_redelivery_more(effects, made, rejects):
    run = made(reject_on_worker_lost=rejects)
    outcome = replace(failed(run.task, WorkerLostError("died: SIGKILL")), lost=True)
    _, effect = effects.of(run, outcome)
    assert effect.verdict == (Requeue(crashed=True) if rejects else ACK)
    assert (effect.record is None) is rejects


def test_what_kills_its_own_process_is_buried(effects, made):
    run = made(reject_on_worker_lost=True)
    run.guilty = True
    _, effect = effects.of(
        run, replace(failed(run.task, WorkerLostError("died: SIGSEGV")), lost=True)
    )
    assert replace(effect.verdict, body=None) == Bury("WorkerLostError: died: SIGSEGV")
    assert decode(effect.record.body).status == states.FAILURE


# Spent before


@pytest.fixture
def early(made):
    run = made(acks_late=False, acks_on_failure_or_timeout=False, reject_on_worker_lost=True)
    run.acknowledged = run.entered = True
    return run


@pytest.mark.parametrize(
    "outcome",
    [
        Success(1),
        Failed(ValueError(), Failure.of(ValueError())),
        Failed(WorkerLostError(), Failure.of(WorkerLostError()), lost=True),
        Ignored(),
        rejected(requeue=False),
        Revoked("terminated"),
        Interrupted("the worker stops"),
    ],
)
def test_what_was_spent_goes_nowhere_else(effects, early, outcome):
    _, effect = effects.of(early, outcome)
    assert (effect.verdict, effect.publish) == (ACK, ())
    assert (effect.record is None) == isinstance(outcome, Ignored)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (retrying(delay=2.0), Requeue(delay=2.0, reset=True)),
        (rejected(requeue=True), Requeue(delay=REQUEUE_PAUSE)),
    ],
)
def test_it_goes_back_where_the_task_itself_wants_another_run(effects, early, outcome, verdict):
    _, effect = effects.of(early, outcome)
    assert replace(effect.verdict, body=None) == verdict


def test_a_run_that_was_cut_off_has_failed_for_it_will_not_run_again(effects, early):
    _, effect = effects.of(early, Interrupted("the worker stops"))
    record = decode(effect.record.body)
    assert record.status == states.FAILURE
    assert "the worker stops. With acks_late=False it is not run again" in record.error.text


def test_one_that_could_not_begin_goes_back(effects, early):
    _, effect = effects.of(early, Interrupted("no process could be had for it", delay=5.0))
    assert (effect.verdict, effect.record) == (Requeue(delay=5.0), None)


def test_one_that_was_cut_off_before_it_began_goes_back(effects, early):
    early.entered = False
    _, effect = effects.of(early, Interrupted("the worker stops"))
    assert (effect.verdict, effect.record) == (Requeue(), None)


def test_of_one_whose_lease_was_lost_another_tells(effects, early):
    assert effects.of(early, Interrupted("its lease was lost", lost=True))[1] is None


@pytest.mark.parametrize("lost", [True, False])
def test_one_that_was_not_goes_back_unless_another_has_it(effects, made, lost):
    _, effect = effects.of(made(), Interrupted("why", lost=lost))
    if lost:
        assert effect is None
    else:
        assert effect.verdict == Requeue()
