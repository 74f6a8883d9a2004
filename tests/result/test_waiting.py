from contextlib import contextmanager
from contextvars import copy_context

import pytest

from asynq.request import Request, current, lend
from asynq.result.waiting import check_may_wait, waiting_slot


def inside(request, slot, call):
    def enter():
        current.set(request)
        lend.set(slot)
        return call()

    return copy_context().run(enter)


def enter_slot():
    with waiting_slot():
        return True


def test_outside_of_tasks_everybody_may_wait():
    assert enter_slot()


def test_inside_a_task_on_the_loop_the_slot_is_lent_meanwhile():
    seen = []

    @contextmanager
    def slot():
        seen.append("lent")
        yield
        seen.append("back")

    def wait():
        check_may_wait()
        with waiting_slot():
            seen.append("waits")

    inside(Request(id="1", task="proj.a"), slot, wait)
    assert seen == ["lent", "waits", "back"]


@pytest.mark.parametrize(
    "request_",
    [
        Request(id="1", task="proj.a"),
        Request(task="proj.b", called_directly=True, parent_id="1"),
    ],
    ids=["in a task", "in a function that a task calls"],
)
@pytest.mark.parametrize("call", [check_may_wait, enter_slot])
def test_a_task_that_holds_a_thread_may_not_wait(request_, call):
    with pytest.raises(RuntimeError, match=r"proj\.. waits .*async def.*chain or chord"):
        inside(request_, None, call)


@pytest.mark.parametrize(
    "request_",
    [Request(id="1", is_eager=True), Request(called_directly=True)],
    ids=["eager", "a plain call outside of tasks"],
)
def test_what_no_worker_runs_may_wait(request_):
    assert inside(request_, None, enter_slot)
