"""What goes out with a call, and who is told of it and may change it on the way."""

import json
import logging
import warnings
from datetime import UTC, datetime, timedelta

import pytest

from asynq import Asynq, signals
from asynq._time import time
from asynq.exceptions import EncodeError, QueueNotFound
from asynq.middleware import Middleware
from asynq.wire.message import decode


@pytest.fixture
async def app(namespace):
    async with Asynq("proj", broker="memory://", namespace=namespace) as app:
        yield app


@pytest.fixture
def add(app):
    @app.task(name="proj.add")
    def add(x, y=0):
        return x + y

    return add


async def message(app, queue="default"):
    (delivery,) = await app.broker.receive([queue], limit=1, wait=1)
    return decode(delivery.body)


# Expiry and limits


async def test_a_call_says_when_it_is_too_late(app, add):
    before = time()
    await add.apply_async((1,), expires=10)
    assert before + 10 <= (await message(app)).expires <= time() + 10


async def test_too_late_may_be_a_moment(app, add):
    app.conf.timezone = "Europe/Paris"
    late = datetime(2099, 1, 1, 12, tzinfo=UTC)
    for written in (late, late.isoformat(), datetime(2099, 1, 1, 13)):
        await add.apply_async((1,), expires=written)
        assert (await message(app)).expires == late.timestamp()


async def test_a_tasks_own_expiry_counts_from_each_call(app):
    @app.task(expires=timedelta(minutes=1))
    def prompt():
        pass

    before = time()
    await prompt.delay()
    assert before + 60 <= (await message(app)).expires <= time() + 60
    await prompt.apply_async(expires=5)
    assert (await message(app)).expires <= time() + 5
    await prompt.apply_async(countdown=0, queue="other")
    assert (await message(app, "other")).expires is not None
    prompt.expires = None
    await prompt.delay()
    assert (await message(app)).expires is None


@pytest.mark.parametrize("expires", [-1, 0, datetime(2020, 1, 1, tzinfo=UTC)])
async def test_what_has_expired_is_sent_all_the_same_with_a_warning(app, add, expires):
    with pytest.warns(RuntimeWarning, match=r"proj\.add is in the past: .* REVOKED") as caught:
        await add.apply_async((1,), expires=expires)
    assert caught[0].filename == __file__
    assert (await message(app)).expires <= time()


async def test_a_call_brings_its_limits_along(app, add):
    await add.apply_async((1,), time_limit=timedelta(seconds=9), soft_time_limit=0)
    got = await message(app)
    assert (got.time_limit, got.soft_time_limit) == (9.0, 0.0)
    await add.delay(1)
    got = await message(app)
    assert (got.time_limit, got.soft_time_limit) == (None, None)


# Middleware


class Named(Middleware):
    """Writes down where it is."""

    def __init__(self, name, seen):
        self.name, self.seen = name, seen

    async def publish(self, outgoing, proceed):
        self.seen.append(f"{self.name} before {outgoing.task}{tuple(outgoing.args)}")
        await proceed()
        self.seen.append(f"{self.name} after")


async def test_the_first_middleware_is_the_outermost(app, add):
    seen = []
    app.middleware += [Named("one", seen), Named("two", seen)]
    await add.delay(1)
    before = "before proj.add(1,)"
    assert seen == [f"one {before}", f"two {before}", "two after", "one after"]


async def test_middleware_is_given_to_the_app(namespace):
    seen = []
    async with Asynq(
        "proj", broker="memory://", namespace=namespace, middleware=[Named("one", seen)]
    ) as app:
        await app.send_task("far.away", (1,))
    assert seen == ["one before far.away(1,)", "one after"]


class Changing(Middleware):
    def __init__(self, **changes):
        self.changes = changes

    async def publish(self, outgoing, proceed):
        for name, value in self.changes.items():
            setattr(outgoing, name, value)
        await proceed()


async def test_middleware_may_change_what_is_sent(app, add):
    changes = {"args": (5,), "kwargs": {"y": 6}, "queue": "other", "priority": 7}
    app.middleware.append(Changing(**changes, headers={"tenant": "t1"}))
    await add.delay(1)
    got = await message(app, "other")
    assert json.loads(bytes(got.args)) == [5]
    assert json.loads(bytes(got.kwargs)) == {"y": 6}
    assert (got.priority, got.headers) == (7, {"tenant": "t1"})


async def test_callers_own_headers_are_not_changed_under_their_hands(app, add):
    class Tenants(Middleware):
        async def publish(self, outgoing, proceed):
            outgoing.headers["tenant"] = "t1"
            await proceed()

    app.middleware.append(Tenants())
    mine = {"own": 1}
    await add.apply_async((1,), headers=mine)
    assert (await message(app)).headers == {"own": 1, "tenant": "t1"}
    assert mine == {"own": 1}


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"args": (object(),)}, EncodeError), ({"queue": "none"}, QueueNotFound)],
)
async def test_what_middleware_makes_of_a_call_must_make_sense(app, add, changes, error):
    app.conf.update(task_create_missing_queues=False, task_queues=["default"])
    app.middleware.append(Changing(**changes))
    with pytest.raises(error):
        await add.delay(1)


async def test_middleware_refuses_a_call_by_raising(app, add):
    class No(Middleware):
        async def publish(self, outgoing, proceed):
            raise PermissionError("not today")

    app.middleware.append(No())
    with pytest.raises(PermissionError, match="not today"):
        await add.delay(1)
    assert await app.broker.depth("default") == 0


async def test_middleware_that_forgets_to_proceed_is_an_error(app, add):
    class Forgetful(Middleware):
        async def publish(self, outgoing, proceed):
            pass

    app.middleware.append(Forgetful())
    with pytest.raises(RuntimeError, match="did not proceed"):
        await add.delay(1)


# Signals


@pytest.fixture
def heard():
    """What the signals of publishing told."""
    heard = []

    def hear(signal, sender, **named):
        heard.append((signal.name, sender, named))

    both = signals.before_task_publish, signals.after_task_publish
    for signal in both:
        signal.connect(hear)
    yield heard
    for signal in both:
        assert signal.disconnect(hear)


async def test_who_listens_is_told_of_a_call_before_and_after(app, add, heard):
    await add.apply_async((1,), {"y": 2}, headers={"own": 3}, expires=60, task_id="me")
    (before, sender, told), (after, _, told_then) = heard
    assert (before, after, sender) == ("before_task_publish", "after_task_publish", "proj.add")
    assert told["body"] == ((1,), {"y": 2})
    assert told["routing_key"] == "default"
    headers = told["headers"]
    assert (headers["id"], headers["task"], headers["own"]) == ("me", "proj.add", 3)
    assert datetime.fromisoformat(headers["expires"]) > datetime.now(UTC)
    assert told["properties"]["correlation_id"] == "me"
    assert told_then == {k: told[k] for k in ("body", "exchange", "routing_key", "headers")}


async def test_signals_are_told_what_middleware_has_made_of_a_call(app, add, heard):
    app.middleware.append(Changing(args=(5,)))
    await add.delay(1)
    assert heard[0][2]["body"] == ((5,), {})


async def test_a_receiver_that_would_change_a_call_is_told_that_it_can_not(app, add, caplog):
    @signals.before_task_publish.connect
    def change(headers, **named):
        headers["x"] = 1

    try:
        with caplog.at_level(logging.ERROR, "asynq.signals"):
            await add.delay(1)
    finally:
        signals.before_task_publish.disconnect(change)
    assert "does not support item assignment" in caplog.text
    assert (await message(app)).headers is None


async def test_a_plain_call_says_nothing_more_than_before(app, add):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await add.delay(1, y=2)
    (delivery,) = await app.broker.receive(["default"], limit=1, wait=1)
    told = json.loads(delivery.body)
    assert {*told} - {"reply_to"} == {"task", "args", "kwargs"}
