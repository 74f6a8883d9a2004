"""What a task can do while it runs: `retry`, as users write it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from asynq import Asynq, Task, shared_task
from asynq.exceptions import (
    ImproperlyConfigured,
    MaxRetriesExceededError,
    QueueNotFound,
    Retry,
)
from asynq.execution.outcome import Failed, Retrying, Success
from asynq.execution.pools import Pools
from asynq.execution.run import run
from asynq.request import Request


@pytest.fixture
async def app(namespace):
    async with Asynq("proj", broker="memory://", namespace=namespace) as app:
        yield app


async def go(task, *args, retries=0, **kwargs):
    """One run of the task, as a worker makes it."""
    request = Request(id="7", task=task.name, args=args, kwargs=kwargs, retries=retries)
    pools = Pools(threads=1, processes=1)
    try:
        return await asyncio.create_task(run(task, request, args, kwargs, pools))
    finally:
        await pools.aclose()


@pytest.mark.parametrize("kind_of_task", ["async", "def"])
async def test_a_retry_is_raised_with_what_shall_be_different(app, kind_of_task):
    def body(self, x):
        raise self.retry((x + 1,), exc=ValueError("why"), countdown=5, queue="slow", priority=9)

    async def body_async(self, x):
        body(self, x)

    task = app.task(bind=True, name="t")(body_async if kind_of_task == "async" else body)
    outcome = await go(task, 1)
    assert isinstance(outcome, Retrying)
    assert (outcome.delay, repr(outcome.error)) == (5.0, "ValueError('why')")
    assert outcome.changes == {"args": [2], "queue": "slow", "priority": 9}


async def test_what_stands_below_a_retry_is_not_run(app):
    @app.task(bind=True)
    async def task(self):
        self.retry()
        raise AssertionError("it went on")

    assert isinstance(await go(task), Retrying)


async def test_the_error_that_is_handled_is_the_reason(app):
    @app.task(bind=True, max_retries=1)
    async def task(self):
        try:
            await asyncio.sleep(0)
            raise KeyError("inner")
        except KeyError:
            raise self.retry()  # noqa: B904 - as users write it

    assert repr((await go(task)).error) == "KeyError('inner')"
    outcome = await go(task, retries=1)
    assert isinstance(outcome, Failed)
    assert repr(outcome.error) == "KeyError('inner')"


async def test_a_retry_without_a_reason_ends_with_an_error_that_names_the_call(app):
    @app.task(bind=True, max_retries=2, name="proj.t")
    async def task(self, x):
        raise self.retry()

    assert isinstance((await go(task, 1, retries=1)).error, Retry)
    outcome = await go(task, 1, retries=2)
    assert isinstance(outcome.error, MaxRetriesExceededError)
    assert str(outcome.error) == "Can't retry proj.t[7]: no retry is left, it has had 2"


@pytest.mark.parametrize(
    ("options", "delay"),
    [
        ({}, 30.0),
        ({"countdown": 0}, 0.0),
        ({"countdown": timedelta(seconds=9)}, 9.0),
        ({"countdown": 9, "eta": datetime(2020, 1, 1)}, 9.0),
    ],
)
async def test_when_it_runs_again(app, options, delay):
    @app.task(bind=True, default_retry_delay=30)
    async def task(self):
        raise self.retry(**options)

    outcome = await go(task)
    assert (outcome.delay, outcome.due) == (delay, None)


@pytest.mark.parametrize("written", [datetime(2020, 1, 1, 13), "2020-01-01T13:00:00"])
async def test_an_eta_is_in_the_apps_zone(app, written):
    app.conf.timezone = "Europe/Paris"

    @app.task(bind=True)
    async def task(self):
        raise self.retry(eta=written)

    assert (await go(task)).due == datetime(2020, 1, 1, 12, tzinfo=UTC).timestamp()


async def test_a_call_may_set_its_own_limit_without_touching_the_task(app):
    @app.task(bind=True, max_retries=3)
    async def task(self, limit):
        raise self.retry(exc=ValueError("x"), max_retries=limit)

    assert isinstance(await go(task, 1, retries=1), Failed)
    assert isinstance(await go(task, 10, retries=5), Retrying)
    assert isinstance(await go(task, None, retries=3), Failed)
    assert task.max_retries == 3


async def test_a_limit_of_its_own_is_not_overruled_by_autoretry(app):
    @app.task(bind=True, autoretry_for=(ValueError,), max_retries=5)
    async def task(self):
        raise self.retry(exc=ValueError("x"), max_retries=1)

    assert isinstance(await go(task, retries=1), Failed)


async def test_runs_at_the_same_time_never_share_a_counter(app):
    met = asyncio.Barrier(2)

    @app.task(bind=True, max_retries=2)
    async def task(self):
        await met.wait()
        seen = self.request.retries
        await asyncio.sleep(0)
        assert self.request.retries == seen
        raise self.retry(exc=ValueError(str(seen)))

    first, last = await asyncio.gather(go(task, retries=0), go(task, retries=2))
    assert isinstance(first, Retrying)
    assert isinstance(last, Failed)


async def test_without_throwing_the_run_goes_on_and_its_value_stands(app):
    @app.task(bind=True)
    async def task(self):
        retry = self.retry(countdown=5, throw=False)
        assert isinstance(retry, Retry)
        return "returned"

    outcome = await go(task)
    assert isinstance(outcome, Success)
    assert outcome.value == "returned"
    assert outcome.again.delay == 5.0


async def test_without_throwing_an_error_after_it_is_the_end(app):
    @app.task(bind=True)
    async def task(self):
        self.retry(throw=False)
        raise ValueError("after all")

    assert isinstance(await go(task), Failed)


@pytest.mark.parametrize("error", [None, ValueError("why")])
async def test_in_a_plain_call_it_raises_its_reason(app, error):
    @app.task(bind=True)
    def task(self):
        raise self.retry(exc=error)

    with pytest.raises(type(error or Retry())):
        task()


async def test_a_wrong_retry_fails_where_it_is_written(app):
    app.conf.update(task_create_missing_queues=False, task_queues=["default"])

    @app.task(bind=True)
    async def task(self, options):
        self.retry(**options)

    for options, error in [
        ({"args": (1, 2, 3)}, TypeError),
        ({"args": 5}, ImproperlyConfigured),
        ({"kwargs": {"nope": 1}}, TypeError),
        ({"countdwon": 1}, TypeError),
        ({"countdown": "soon"}, ImproperlyConfigured),
        ({"exc": "text"}, TypeError),
        ({"task_id": "8"}, TypeError),
        ({"queue": "none"}, QueueNotFound),
    ]:
        outcome = await go(task, options)
        assert isinstance(outcome, Failed), options
        assert isinstance(outcome.error, error), options


async def test_an_error_that_can_not_be_shown_can_be_a_reason(app):
    class OddError(Exception):
        def __repr__(self):
            raise RuntimeError("no")

        __str__ = __repr__

    @app.task(bind=True)
    async def task(self):
        raise self.retry(exc=OddError())

    assert isinstance((await go(task)).error, OddError)


async def test_a_retry_says_when_and_why(app):
    retries = []

    @app.task(bind=True)
    async def task(self, **when):
        retries.append(self.retry(exc=ValueError("why"), throw=False, **when))

    await go(task)
    await go(task, eta="2026-01-01T00:00:00+00:00")
    assert [str(retry) for retry in retries] == [
        "Retry in 180s: ValueError('why')",
        "Retry at 2026-01-01T00:00:00+00:00: ValueError('why')",
    ]


async def test_a_shared_task_is_retried_by_the_apps_own_terms(app):
    @shared_task(bind=True, name="tests.shared.retried", max_retries=1)
    async def task(self):
        raise self.retry(exc=ValueError("x"))

    own = app.tasks["tests.shared.retried"]
    assert isinstance(await go(own), Retrying)
    assert isinstance(await go(own, retries=1), Failed)
    assert task.terms.retries.max_retries == 1


# Terms


async def test_terms_are_made_once_and_again_when_something_changes(app):
    @app.task(time_limit=9, soft_time_limit=0)
    def task():
        pass

    terms = task.terms
    assert task.terms is terms
    assert (terms.time_limit, terms.soft_time_limit, terms.acks_late) == (9.0, None, True)
    app.conf.task_acks_late = False
    assert not task.terms.acks_late
    task.acks_late = True
    task.time_limit = timedelta(minutes=1)
    assert (task.terms.acks_late, task.terms.time_limit) == (True, 60.0)


async def test_terms_are_as_the_settings_say_where_the_task_says_nothing(app):
    app.conf.update(
        task_time_limit=60,
        task_soft_time_limit=50,
        task_acks_on_failure_or_timeout=False,
        task_reject_on_worker_lost=True,
    )

    @app.task
    def plain():
        pass

    @app.task(time_limit=0)
    def endless():
        pass

    terms = plain.terms
    assert (terms.time_limit, terms.soft_time_limit) == (60, 50)
    assert (terms.acks_on_failure_or_timeout, terms.reject_on_worker_lost) == (False, True)
    assert (endless.terms.time_limit, endless.terms.soft_time_limit) == (None, 50)


async def test_retry_options_stand_on_the_class_or_the_decorator(app):
    class Patient(Task):
        autoretry_for = OSError
        max_retries = None
        retry_backoff = True
        retry_kwargs = {"countdown": 5}  # noqa: RUF012

    @app.task(base=Patient, retry_jitter=False, retry_backoff_max=timedelta(minutes=5))
    def task():
        pass

    policy = task.terms.retries
    assert (policy.autoretry_for, policy.max_retries) == ((OSError,), None)
    assert (policy.backoff, policy.backoff_max, policy.jitter) == (1.0, 300.0, False)
    assert policy.changes == {"countdown": 5.0}


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"countdwon": 5}, "did you mean 'countdown'"),
        ({"countdown": "soon"}, "expected seconds"),
        ({"max_retries": -1}, "expected a whole number"),
    ],
)
async def test_wrong_retry_kwargs_are_an_error_where_the_task_is_made(app, kwargs, said):
    with pytest.raises((TypeError, ImproperlyConfigured), match=said):
        app.task(retry_kwargs=kwargs)(lambda: None)
