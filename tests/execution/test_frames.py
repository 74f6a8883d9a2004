"""Stacks as people shall see them: they begin in the task."""

import asyncio
import sys

import pytest

from asynq.execution.frames import since_task, stack_since_task
from asynq.execution.pools import Pools
from asynq.execution.run import run
from asynq.request import Request
from asynq.wire.arguments import Parameters
from tests.execution.test_run import a_task

pytestmark = pytest.mark.both_loops


def add(x: int):
    return x


def names(traceback):
    found = []
    while traceback is not None:
        found.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    return found


def test_a_traceback_begins_in_the_task():
    def fail():
        Parameters(add, name="add").check((), {})

    with pytest.raises(TypeError) as caught:
        fail()
    ours = caught.value.__traceback__.tb_next.tb_next
    assert names(ours) == ["check"]
    assert since_task(ours) is None
    # What a task calls is shown, ours or not.
    assert names(since_task(caught.value.__traceback__))[-2:] == ["fail", "check"]


async def test_a_stack_begins_in_the_task_below_the_loop():
    async def look():
        return stack_since_task(sys._getframe())

    pools = Pools(threads=1, processes=1)
    outcome = await asyncio.create_task(run(a_task(look), Request(id="1"), (), {}, pools))
    assert outcome.value.count("File ") == 1
    assert "in look\n    return stack_since_task" in outcome.value


def test_a_stack_without_an_event_loop_is_shown_whole():
    shown = stack_since_task(sys._getframe())
    assert "in test_a_stack_without_an_event_loop_is_shown_whole" in shown
    assert shown.count("File ") > 3
