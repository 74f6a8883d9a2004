"""Steps of starting and stopping."""

import asyncio

import pytest

from asynq.exceptions import ImproperlyConfigured, OperationalError
from asynq.worker import steps
from asynq.worker.steps import first, only, quietly


async def fails(error):
    raise error


@pytest.mark.parametrize("error", [OperationalError, ImproperlyConfigured])
async def test_a_step_that_fails_is_said_and_does_not_stop_the_stopping(caplog, error):
    await quietly(fails(error("gone")), "say goodbye")
    assert caplog.messages == ["Could not say goodbye: gone. Leases will run out instead"]


async def test_a_step_that_never_ends_is_given_up(caplog, monkeypatch):
    monkeypatch.setattr(steps, "GOODBYE_SECONDS", 0.01)
    await quietly(asyncio.Event().wait(), "wait")
    assert caplog.messages[0].startswith("Could not wait: no answer within 0.01 s")


async def test_a_mistake_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        await quietly(fails(ZeroDivisionError()), "x")


async def test_first_ends_with_the_event_or_with_the_task():
    forever = asyncio.create_task(asyncio.Event().wait())
    event = asyncio.Event()
    event.set()
    await first(forever, event)
    forever.cancel()
    await first(forever, asyncio.Event())


def test_only_the_one_error_in_a_group_is_taken_out():
    one, two = ValueError(), KeyError()
    assert only(one) is one
    assert only(ExceptionGroup("", [ExceptionGroup("", [one])])) is one
    both = ExceptionGroup("", [one, two])
    assert only(both) is both


def test_an_error_that_several_were_told_is_one():
    said = [ValueError("no server"), ExceptionGroup("", [ValueError("no server")])]
    assert only(ExceptionGroup("", said)) is said[0]
    other = ExceptionGroup("", [*said, ValueError("no disk")])
    assert only(other) is other
