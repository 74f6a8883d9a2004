"""Who is told how a run goes, in which order, and what becomes of their errors."""

import asyncio
import logging
import threading

import pytest

from asynq import Asynq, Task, signals
from asynq.exceptions import EncodeError, Ignore, Reject, WorkerLostError
from asynq.execution.hooks import ExceptionInfo
from asynq.execution.outcome import Failed
from asynq.execution.pools import Pools
from asynq.execution.run import conclude, failed, run
from asynq.request import Request, current
from asynq.wire.failures import Failure

SIGNALS = [
    getattr(signals, name)
    for name in ("task_prerun", "task_postrun", "task_success", "task_failure", "task_retry")
]


@pytest.fixture
async def app(namespace):
    async with Asynq("proj", broker="memory://", namespace=namespace) as app:
        yield app


@pytest.fixture
def told():
    return []


@pytest.fixture
def base(told):
    """A task class with all hooks."""

    class Telling(Task):
        def before_start(self, task_id, args, kwargs):
            told.append(("before_start", task_id, args, kwargs))

        def on_success(self, retval, task_id, args, kwargs):
            told.append(("on_success", retval, task_id, args, kwargs))

        async def on_failure(self, exc, task_id, args, kwargs, einfo):
            told.append(("on_failure", exc, task_id, args, kwargs, einfo))

        async def on_retry(self, exc, task_id, args, kwargs, einfo):
            told.append(("on_retry", exc, task_id, args, kwargs, einfo))

        def after_return(self, status, retval, task_id, args, kwargs, einfo):
            told.append(("after_return", status, retval, task_id, args, kwargs, einfo))

    return Telling


@pytest.fixture
def announced(told):
    """Put what the signals of a run tell in the same list."""

    def hear(signal, sender, **named):
        told.append((signal.name, sender, named))

    for signal in SIGNALS:
        signal.connect(hear)
    yield told
    for signal in SIGNALS:
        signal.disconnect(hear)


def names(told):
    return [each[0] for each in told]


# The order, and what is told


async def test_a_success_is_told_in_order(app, base, announced):
    @app.task(base=base)
    def add(x, y):
        announced.append(("run",))
        return x + y

    await add.apply((1,), {"y": 2}, task_id="me")
    called = ("me", (1,), {"y": 2})
    prerun, before, ran, success, signal, after, postrun = announced
    named = {"task_id": "me", "task": add, "args": (1,), "kwargs": {"y": 2}}
    assert prerun == ("task_prerun", add, named)
    assert before == ("before_start", *called)
    assert ran == ("run",)
    assert success == ("on_success", 3, *called)
    assert signal == ("task_success", add, {"result": 3})
    assert after == ("after_return", "SUCCESS", 3, *called, None)
    assert postrun == ("task_postrun", add, {**named, "retval": 3, "state": "SUCCESS"})


async def test_a_failure_is_told_in_order_with_its_traceback(app, base, announced):
    error = ValueError("boom")

    @app.task(base=base)
    async def fail():
        raise error

    await fail.apply(task_id="me")
    _, _, failure, signal, after, postrun = announced
    einfo = failure[-1]
    assert failure[:-1] == ("on_failure", error, "me", (), {})
    assert signal[:2] == ("task_failure", fail)
    assert signal[2]["exception"] is error
    assert signal[2]["traceback"] is error.__traceback__
    assert after == ("after_return", "FAILURE", error, "me", (), {}, einfo)
    assert postrun[2]["state"] == "FAILURE"
    assert einfo.exception is error
    assert str(einfo) == einfo.traceback
    assert "in fail" in str(einfo)
    assert (einfo.type, einfo.tb) == (ValueError, error.__traceback__)


async def test_a_retry_is_told_each_time_and_is_not_the_end(app, base, announced):
    @app.task(base=base, bind=True, max_retries=1)
    async def flaky(self):
        raise self.retry(exc=ValueError("x"))

    await flaky.apply()
    run, last = announced[: (half := names(announced).index("task_postrun") + 1)], announced[half:]
    assert names(run) == ["task_prerun", "before_start", "on_retry", "task_retry", "task_postrun"]
    assert repr(run[2][1]) == "ValueError('x')"
    assert repr(run[3][2]["reason"]) == "ValueError('x')"
    assert run[4][2]["state"] == "RETRY"
    assert names(last)[2:] == ["on_failure", "task_failure", "after_return", "task_postrun"]


@pytest.mark.parametrize(("error", "state"), [(Ignore(), "IGNORED"), (Reject(), "REJECTED")])
async def test_what_is_ignored_or_rejected_did_not_return(app, base, announced, error, state):
    @app.task(base=base)
    async def leave():
        raise error

    await leave.apply()
    assert names(announced) == ["task_prerun", "before_start", "task_postrun"]
    assert announced[-1][2]["state"] == state


async def test_only_what_is_there_is_called(app, told):
    class Some(Task):
        def on_success(self, *args):
            told.append("on_success")

    @app.task(base=Some)
    async def fine():
        pass

    await fine.apply()
    assert told == ["on_success"]


async def test_a_task_without_hooks_has_none(app):
    @app.task
    async def plain():
        pass

    assert plain.terms.hooks is None


async def test_a_hook_may_be_put_on_the_task_itself(app, told):
    @app.task
    async def fine():
        pass

    await fine.apply()
    fine.on_success = lambda retval, *called: told.append("on_success")
    await fine.apply()
    assert told == ["on_success"]


# Where they run


async def test_hooks_of_a_thread_task_run_in_a_thread_and_know_the_run(app):
    where = []

    class Looking(Task):
        def before_start(self, task_id, args, kwargs):
            where.append((threading.current_thread() is threading.main_thread(), self.request.id))

        async def on_success(self, *args):
            where.append((threading.current_thread() is threading.main_thread(), self.request.id))

        def after_return(self, *args):
            where.append((threading.current_thread() is threading.main_thread(), self.request.id))

    @app.task(base=Looking)
    def blocking():
        pass

    @app.task(base=Looking)
    async def looping():
        pass

    await blocking.apply(task_id="1")
    assert where == [(False, "1"), (True, "1"), (False, "1")]
    where.clear()
    await looping.apply(task_id="2")
    assert where == [(True, "2")] * 3


# Their errors


@pytest.mark.parametrize("error", [ValueError("early"), SystemExit(3), Ignore()])
async def test_an_error_in_before_start_is_the_runs_own(app, told, error):
    class Picky(Task):
        def before_start(self, *args):
            raise error

        def on_failure(self, exc, *args):
            told.append(exc)

    @app.task(base=Picky)
    async def never():
        raise AssertionError("it ran")

    result = await never.apply()
    if isinstance(error, Ignore):
        assert await result.state == "IGNORED"
    else:
        assert await result.failed()
        assert told == [error]


async def test_before_start_may_have_the_task_retried(app, told):
    class Waiting(Task):
        def before_start(self, *args):
            if not self.request.retries:
                raise self.retry(countdown=5)

    @app.task(base=Waiting)
    async def later():
        return "ran"

    assert await later.apply().get() == "ran"


@pytest.mark.parametrize("broken", ["on_success", "after_return"])
@pytest.mark.parametrize("error", [ValueError("hook"), SystemExit(3)])
async def test_an_error_in_another_hook_is_logged_and_changes_nothing(
    app, base, told, caplog, broken, error
):
    def fail(self, *args):
        raise error

    heard = []

    @signals.task_internal_error.connect
    def hear(**named):
        heard.append(named["exception"])

    @app.task(base=type("Broken", (base,), {broken: fail}))
    async def fine():
        return 5

    try:
        with caplog.at_level(logging.ERROR, "asynq.execution"):
            assert await fine.apply(task_id="me").get() == 5
    finally:
        signals.task_internal_error.disconnect(hear)
    assert f"{broken} of {fine.name}[me] has failed" in caplog.text
    assert f"{type(error).__name__}: {error}" in caplog.text
    assert heard == [error]
    assert {"on_success", "after_return"} - {broken} <= set(names(told))


# Ends that are not the function's own


async def test_a_value_that_can_not_be_stored_is_told_as_the_failure_it_is(app, base, told):
    @app.task(base=base)
    async def odd():
        return object()

    pools = Pools(threads=1, processes=1)
    outcome = await asyncio.create_task(run(odd, Request(id="1", task=odd.name), (), {}, pools))
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, EncodeError)
    assert names(told) == ["before_start", "on_failure", "after_return"]
    told.clear()
    request = Request(id="1", task=odd.name, ignore_result=True)
    await asyncio.create_task(run(odd, request, (), {}, pools))
    assert "on_success" in names(told)


async def test_a_worker_tells_of_ends_that_it_makes(app, base, announced):
    @app.task(base=base)
    def slow():
        pass

    pools = Pools(threads=1, processes=1)
    outcome = failed(slow, WorkerLostError("it is gone"))
    await conclude(slow, Request(id="1", task=slow.name), outcome, pools)
    assert names(announced) == ["on_failure", "task_failure", "after_return", "task_postrun"]
    pools.close()


async def test_nobody_is_told_of_a_run_that_is_cut_off(app, base, announced):
    started = asyncio.Event()

    @app.task(base=base)
    async def wait():
        started.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(wait.apply().get())
    await started.wait()
    running.cancel()
    await asyncio.wait({running})
    assert names(announced) == ["task_prerun", "before_start"]


def test_the_traceback_of_a_far_error_is_its_text():
    error = ValueError("far")
    einfo = ExceptionInfo(error, Failure(type="far.Error", text="away", traceback=""))
    assert (einfo.traceback, einfo.tb) == ("far.Error: away", None)
    assert current.get() is None
