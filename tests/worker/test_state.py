"""What a worker holds."""

import asyncio

import pytest

from asynq.brokers.base import Delivery
from asynq.execution.outcome import Interrupted, Revoked
from asynq.request import Request
from asynq.wire.message import Message
from asynq.worker.state import Run, WorkerState


def made(app, task="x", id="1", **more):
    @app.task(name="x")
    async def x(): ...

    return Run(
        delivery=Delivery(id=id, queue="q", body=b""),
        message=Message(task=task, **more),
        task=x,
        request=Request(id=id),
    )


def test_a_run_is_called_by_its_name_and_id(app):
    assert made(app).label == "x[1]"


def test_a_shadow_stands_for_the_name(app):
    assert made(app, shadow="nightly").label == "nightly[1]"


@pytest.mark.parametrize("text", ["a\nERROR forged", "\x1b[31m"])
def test_what_would_break_a_log_line_is_escaped(app, text):
    assert made(app, task=text).label.isprintable()
    assert made(app, id=text).label.isprintable()


async def test_the_first_reason_to_end_it_counts(app):
    run = made(app)
    run.begun = True
    run.handle = asyncio.create_task(asyncio.Event().wait())
    run.interrupt("the worker stops")
    run.end(Revoked("terminated"))
    assert run.cut_off == Interrupted("the worker stops")
    await asyncio.wait({run.handle})
    assert run.handle.cancelled()


async def test_whatever_the_reason_what_is_lost_is_lost(app):
    run = made(app)
    run.end(Revoked("terminated"))
    run.interrupt("its lease was lost", lost=True)
    assert run.cut_off == Interrupted("its lease was lost", lost=True)


async def test_one_that_has_not_begun_is_not_cancelled_for_then_nobody_would_end_it(app):
    run = made(app)
    run.handle = asyncio.create_task(asyncio.sleep(0))
    run.interrupt("the worker stops")
    await run.handle
    assert not run.handle.cancelled()


@pytest.mark.parametrize(
    ("limits", "patience"), [([], None), ([5.0, 60.0], 60.0), ([5.0, None], None)]
)
def test_the_loop_may_be_blocked_as_long_as_the_slowest_task_may_run(app, limits, patience):
    state = WorkerState("w@here")
    for number, limit in enumerate(limits):
        run = made(app, id=str(number))
        run.request.timelimit = (limit, None)
        state.active[run.delivery] = run
    assert state.patience() == patience
