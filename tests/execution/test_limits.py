"""Soft limits: an error that a task may catch, and a cancellation to all that it waits in."""

import asyncio
import pickle
import signal
import time

import anyio
import pytest

from asynq.exceptions import SoftTimeLimitExceeded
from asynq.execution.limits import alarm, exceeded_class, with_soft_limit
from asynq.wire.failures import Failure
from asynq.worker.diagnostics import dump_stacks

pytestmark = pytest.mark.both_loops

SOON = 0.02


def block(seconds):
    time.sleep(seconds)


async def forever():
    await asyncio.Event().wait()


async def in_a_task_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(forever())
        await forever()


async def at_the_end_of_a_task_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(forever())


async def in_a_timeout():
    async with asyncio.timeout(60):
        await forever()


async def in_wait_for():
    await asyncio.wait_for(forever(), 60)


async def in_gather():
    await asyncio.gather(forever(), forever())


async def in_a_shield():
    inner = asyncio.create_task(forever())
    try:
        await asyncio.shield(inner)
    finally:
        inner.cancel()


async def in_a_task_group_of_anyio():
    async with anyio.create_task_group() as group:
        group.start_soon(forever)
        await forever()


async def at_the_end_of_a_task_group_of_anyio():
    async with anyio.create_task_group() as group:
        group.start_soon(forever)


async def in_a_scope_of_anyio():
    with anyio.move_on_after(60):
        await forever()


async def in_a_scope_of_anyio_that_fails():
    with anyio.fail_after(60):
        await forever()


@pytest.mark.parametrize(
    "work",
    [
        forever,
        in_a_task_group,
        at_the_end_of_a_task_group,
        in_a_timeout,
        in_wait_for,
        in_gather,
        in_a_shield,
        in_a_task_group_of_anyio,
        at_the_end_of_a_task_group_of_anyio,
        in_a_scope_of_anyio,
        in_a_scope_of_anyio_that_fails,
    ],
)
async def test_whatever_it_waits_in_is_ended_and_the_error_comes_out_plain(work):
    others = asyncio.all_tasks()
    with pytest.raises(SoftTimeLimitExceeded, match=r"soft_time_limit of 0\.02 s") as caught:
        await with_soft_limit(work(), SOON)
    assert type(caught.value) is SoftTimeLimitExceeded
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == others
    assert not asyncio.current_task().cancelling()


async def test_what_ends_in_time_is_left_alone():
    async def add():
        await asyncio.sleep(0)
        return 3

    assert await with_soft_limit(add(), 60) == 3


async def test_any_awaitable_has_a_limit():
    with pytest.raises(SoftTimeLimitExceeded):
        await with_soft_limit(asyncio.get_running_loop().create_future(), SOON)


async def test_an_error_of_its_own_comes_out_as_it_is():
    async def fail():
        raise ExceptionGroup("two", [ValueError(), KeyError()])

    with pytest.raises(ExceptionGroup, match="two"):
        await with_soft_limit(fail(), 60)


@pytest.mark.parametrize("caught", [SoftTimeLimitExceeded, Exception, asyncio.CancelledError])
async def test_a_task_may_catch_it_clean_up_and_go_on(caught):
    async def work():
        try:
            await forever()
        except caught as error:
            await asyncio.sleep(SOON * 2)  # it strikes once
            return str(error)

    assert await with_soft_limit(work(), SOON) == "its soft_time_limit of 0.02 s is over"
    await asyncio.sleep(0)


async def test_it_may_be_caught_outside_a_group_as_every_error_of_a_groups_body():
    async def caught():
        seen = None
        try:
            await in_a_task_group()
        except* SoftTimeLimitExceeded:
            seen = "caught"
        return seen

    assert await with_soft_limit(caught(), SOON) == "caught"


async def test_work_that_awaits_nothing_is_struck_at_its_next_await():
    reached = []

    async def work():
        block(SOON * 2)
        reached.append(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reached.append(2)
        await forever()

    with pytest.raises(SoftTimeLimitExceeded):
        await with_soft_limit(work(), SOON)
    assert reached[0] == 1


async def test_a_limit_that_is_over_after_the_end_strikes_nobody():
    await with_soft_limit(asyncio.sleep(0), SOON)
    await asyncio.sleep(SOON * 2)


async def test_work_that_never_awaits_ends_in_its_own_way():
    async def work():
        block(SOON * 2)
        return "done"

    assert await with_soft_limit(work(), SOON) == "done"
    await asyncio.sleep(0)


async def test_a_child_that_swallows_its_cancellation_does_not_swallow_the_limit():
    async def deaf():
        try:
            await forever()
        except asyncio.CancelledError:
            return "what is it?"

    async def work():
        return await asyncio.create_task(deaf())

    with pytest.raises(SoftTimeLimitExceeded):
        await with_soft_limit(work(), SOON)


async def test_a_cancellation_stays_one():
    running = asyncio.create_task(with_soft_limit(forever(), 60))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()


async def test_a_cancellation_together_with_the_limit_stays_one():
    ends = []

    async def work():
        try:
            await forever()
        except BaseException as error:
            ends.append(type(error))
            await asyncio.sleep(SOON)  # nor does the limit strike later
            raise

    running = asyncio.create_task(with_soft_limit(work(), SOON))
    await asyncio.sleep(0)
    block(SOON * 2)  # the limit is over, and nobody could strike yet
    asyncio.get_running_loop().call_later(0, running.cancel)
    await asyncio.wait({running})
    assert running.cancelled()
    assert ends == [asyncio.CancelledError]


async def test_a_timeout_within_is_told_from_the_limit_and_comes_first_if_it_was():
    ends = []

    async def work():
        try:
            async with asyncio.timeout(SOON):
                await forever()
        except TimeoutError:
            ends.append("timeout")
        await forever()

    with pytest.raises(SoftTimeLimitExceeded):
        await with_soft_limit(work(), SOON)
    assert ends in ([], ["timeout"])

    ends.clear()
    with pytest.raises(SoftTimeLimitExceeded):
        await with_soft_limit(work(), SOON * 2)
    assert ends == ["timeout"]


async def test_what_is_raised_from_it_names_the_public_error():
    async def work():
        try:
            await forever()
        except SoftTimeLimitExceeded as error:
            raise ValueError("too slow") from error

    with pytest.raises(ValueError, match="too slow") as caught:
        await with_soft_limit(work(), SOON)
    failure = Failure.of(caught.value)
    assert failure.cause.type == "asynq.exceptions.SoftTimeLimitExceeded"
    assert "limits._" not in failure.traceback


async def test_the_stack_of_a_task_is_seen_through_it():
    async def stuck_here():
        await forever()

    running = asyncio.create_task(with_soft_limit(stuck_here(), 60))
    await asyncio.sleep(0)
    stacks = dump_stacks()
    assert "in stuck_here" in stacks
    assert "in forever" in stacks
    running.cancel()
    await asyncio.wait({running})


def test_an_alarm_wakes_what_waits_in_c():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(SoftTimeLimitExceeded, match=r"0\.02 s"), alarm(SOON):
        time.sleep(30)
    assert signal.getsignal(signal.SIGALRM) == before


def test_an_alarm_in_time_is_none():
    with alarm(60):
        pass
    assert signal.setitimer(signal.ITIMER_REAL, 0) == (0.0, 0.0)
    with alarm(None):
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_error_that_python_makes_looks_like_any_other():
    error = exceeded_class(2.5)()
    assert str(error) == "its soft_time_limit of 2.5 s is over"
    assert Failure.of(error).type == "asynq.exceptions.SoftTimeLimitExceeded"
    assert type(pickle.loads(pickle.dumps(error))) is SoftTimeLimitExceeded
