"""One line when a task comes to nothing, and not the same line a thousand times."""

import logging

import pytest

from asynq import Asynq, states
from asynq.brokers.base import ACK, Advance, Bury, Delivery, Requeue
from asynq.builtin import build
from asynq.canvas.own import FAIL
from asynq.exceptions import DecodeError, NotRegistered, TaskRevokedError
from asynq.execution.outcome import Effect, Success
from asynq.request import Request
from asynq.wire.message import Message
from asynq.worker import reporting as room
from asynq.worker.admission import Refusal
from asynq.worker.reporting import Refusals, report_ended
from asynq.worker.state import Run


def refusal(error, verdict=ACK, message=Message(task="t"), **more):  # noqa: B008 - frozen
    return Refusal(Delivery(id="1", queue="q", body=b""), verdict, error, message, **more)


@pytest.mark.parametrize(
    ("refused", "level", "said"),
    [
        (
            refusal(TaskRevokedError("expired"), state=states.REVOKED),
            logging.INFO,
            "Task t[1] refused: expired",
        ),
        (
            refusal(DecodeError("nonsense"), Bury("nonsense"), None),
            logging.ERROR,
            "Task 1 refused: nonsense",
        ),
    ],
)
def test_a_refusal_is_said_as_loud_as_it_is_bad(caplog, refused, level, said):
    with caplog.at_level(logging.DEBUG):
        Refusals().report(refused)
    assert [(each.levelno, each.message) for each in caplog.records] == [(level, said)]


def test_what_may_run_elsewhere_is_said_aloud_once_a_minute(caplog, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(room, "monotonic", lambda: now[0])
    refusals = Refusals()
    with caplog.at_level(logging.DEBUG):
        for seconds in (0, 1, 58, 2):
            now[0] += seconds
            refusals.report(refusal(NotRegistered("no task 't'"), Requeue(delay=1.0)))
    levels = [each.levelno for each in caplog.records]
    assert levels == [logging.WARNING, logging.DEBUG, logging.DEBUG, logging.WARNING]


def test_what_a_task_of_our_own_carries_for_others_is_not_told(caplog):
    """The news of a failure has the arguments of the call that has failed in it."""
    secret = Effect(advance=(Advance(workflow="w", input=b"the arguments", start=((3, 3),)),))
    task = build(FAIL, Asynq("reporting", broker="memory://", set_as_current=False))
    run = Run(
        delivery=Delivery(id="1", queue="q", body=b""),
        message=Message(task=FAIL),
        task=task,
        request=Request(id="1", task=FAIL),
    )
    with caplog.at_level(logging.INFO):
        report_ended(run, Success(secret))
    assert "<effect: 1 advances, 0 messages, 0 records>" in caplog.text
    assert "the arguments" not in caplog.text
