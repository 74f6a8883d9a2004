"""A worker tells events of what it does with tasks, and of itself, where that is wanted."""

import asyncio

import pytest

from asynq import Asynq, Ignore, Reject
from asynq._time import time
from asynq.brokers.base import Parcel
from asynq.exceptions import ImproperlyConfigured
from asynq.wire.message import Message, encode
from asynq.worker.worker import Worker
from tests.waiting import until


@pytest.fixture
async def app(url, namespace):
    app = Asynq(namespace, broker=url, worker_send_task_events=True)
    async with app:
        yield app


@pytest.fixture
async def worker(app):
    async with Worker(app, hostname="w@here", grace=0.1) as worker:
        yield worker


async def told(app, uuid, *, until="task-succeeded"):
    """The events of a task, up to the one of that type."""
    found = []
    async with asyncio.timeout(20), app.events(since="beginning") as events:
        async for event in events:
            if event.get("uuid") == uuid:
                found.append(event)
                if event["type"] == until:
                    break
    return found


def types(events):
    return [event["type"] for event in events]


async def test_a_task_that_succeeds(app, worker):
    @app.task(name="add")
    async def add(x, y):
        await asyncio.sleep(0.02)
        return x + y

    began = time()
    result = await add.delay(4, y=4)
    received, started, succeeded = events = await told(app, result.id)
    assert types(events) == ["task-received", "task-started", "task-succeeded"]
    assert {event["name"] for event in events} == {"add"}
    assert {event["queue"] for event in events} == {"default"}
    assert {event["hostname"] for event in events} == {"w@here"}
    assert (received["args"], received["kwargs"]) == ("(4,)", "{'y': 4}")
    assert succeeded["result"] == "8"
    assert 0.02 <= succeeded["runtime"] < 10
    stamps = [event["timestamp"] for event in (received, started, succeeded)]
    assert stamps == sorted(stamps)
    assert all(began - 2 < stamp < time() + 2 for stamp in stamps)


async def test_what_runs_is_told_of_before_it_has_ended(app, worker):
    go_on = asyncio.Event()

    @app.task
    async def long():
        await go_on.wait()

    result = await long.delay()
    events = await told(app, result.id, until="task-started")
    assert types(events) == ["task-received", "task-started"]
    go_on.set()
    events = await told(app, result.id)
    assert types(events) == ["task-received", "task-started", "task-succeeded"]
    assert events[-1]["result"] == "None"
    assert events[-1]["runtime"] == pytest.approx(
        events[-1]["timestamp"] - events[1]["timestamp"], abs=0.05
    )


async def test_a_task_that_fails(app, worker):
    @app.task
    async def fail():
        raise LookupError("nothing there")

    result = await fail.delay()
    failed = (await told(app, result.id, until="task-failed"))[-1]
    assert failed["exception"] == "LookupError('nothing there')"
    assert failed["traceback"].endswith("LookupError: nothing there\n")


async def test_a_task_that_is_tried_again(app, worker):
    @app.task(autoretry_for=(LookupError,), default_retry_delay=0, max_retries=1)
    async def fail():
        raise LookupError("nothing there")

    result = await fail.delay()
    events = await told(app, result.id, until="task-failed")
    assert [(event["type"], event["retries"]) for event in events] == [
        *((f"task-{word}", 0) for word in ("received", "started", "retried")),
        *((f"task-{word}", 1) for word in ("received", "started", "failed")),
    ]
    assert events[2]["exception"] == "LookupError('nothing there')"


async def test_a_task_that_is_ended_while_it_runs(app, worker):
    @app.task
    async def long():
        await asyncio.sleep(60)

    result = await long.delay()
    await until(lambda: worker.state.active)
    await result.revoke(terminate=True)
    revoked = (await told(app, result.id, until="task-revoked"))[-1]
    assert (revoked["terminated"], revoked["expired"], revoked["signum"]) == (True, False, None)


async def test_tasks_that_are_not_wanted_any_more(app):
    @app.task(name="never")
    async def never(): ...

    revoked = await never.delay()
    await revoked.revoke()
    with pytest.warns(RuntimeWarning, match="expires"):
        expired = await never.apply_async(expires=-1)
    async with Worker(app):
        for id, was_late in ((revoked.id, False), (expired.id, True)):
            (event,) = await told(app, id, until="task-revoked")
            assert (event["name"], event["terminated"], event["expired"]) == (
                *("never", False),
                was_late,
            )


async def test_a_task_that_rejects_or_ignores_itself(app, worker):
    @app.task
    async def picky():
        raise Reject("no thanks")

    @app.task
    async def idle():
        raise Ignore

    rejected = (await told(app, (await picky.delay()).id, until="task-rejected"))[-1]
    assert rejected["requeue"] is False
    ignored = await told(app, (await idle.delay()).id, until="task-ignored")
    assert types(ignored) == ["task-received", "task-started", "task-ignored"]


async def test_what_can_not_be_read_is_rejected(app, worker):
    await app.broker.publish([Parcel(id="1", queue="default", body=b"{")])
    (event,) = await told(app, "1", until="task-rejected")
    assert (event["name"], event["queue"], event["requeue"]) == ("", "default", False)


async def test_a_task_that_nobody_knows_has_failed_when_it_is_given_up(app):
    app.conf.worker_unknown_task_ttl = 0
    body = encode(Message(task="of.tomorrow"), "json")
    await app.broker.publish([Parcel(id="1", queue="default", body=body)])
    async with Worker(app):
        (event,) = await told(app, "1", until="task-failed")
    assert event["name"] == "of.tomorrow"
    assert "NotRegistered" in event["exception"]


async def test_what_a_stop_cuts_off_goes_back_and_that_is_told(app):
    @app.task
    async def long():
        await asyncio.sleep(60)

    async with Worker(app, grace=0.05) as worker:
        result = await long.delay()
        await until(lambda: worker.state.active)
    rejected = (await told(app, result.id, until="task-rejected"))[-1]
    assert rejected["requeue"] is True


async def test_long_arguments_and_results_are_cut(app, worker):
    @app.task
    async def echo(text):
        return text

    result = await echo.delay("x" * 10_000)
    received, *_, succeeded = await told(app, result.id)
    assert 150 < len(received["args"]) <= 201
    assert 150 < len(succeeded["result"]) <= 201


async def test_steps_of_a_workflow_show_what_they_were_called_with(app, worker):
    @app.task(name="add")
    async def add(x, y):
        return x + y

    result = await (add.s(1, 2) | add.s(10)).delay()
    assert await result.get(timeout=20) == 13
    received, *_ = await told(app, result.id)
    assert received["args"] == "(3, 10)"


# The worker itself


async def test_a_worker_says_that_it_comes_lives_and_goes(app):
    @app.task
    async def noop(): ...

    async with Worker(app, hostname="w@here", heartbeat_interval=0.05):
        await noop.delay().get(timeout=20)
        async with asyncio.timeout(20), app.events("worker-heartbeat") as events:
            async for event in events:
                if event["processed"]:
                    break
    assert (event["hostname"], event["freq"], event["active"]) == ("w@here", 0.05, 0)
    assert (event["sw_ident"], event["sw_sys"], event["lost"]) == ("asynq", "Linux", 0)
    assert len(event["loadavg"]) == 3
    state = app.events.State()
    types = []
    state.callback = lambda _, event: types.append(event["type"])
    await app.events.load(state)
    assert types[0] == "worker-online"
    assert types[-1] == "worker-offline"
    assert not state.workers["w@here"].alive


async def test_events_are_off_unless_asked_for(url, namespace):
    async with Asynq(namespace, broker=url) as app:

        @app.task
        async def noop(): ...

        async with Worker(app, heartbeat_interval=0.01):
            await noop.delay().get(timeout=20)
        assert await app.events(since="beginning").next(0) is None


async def test_they_are_switched_on_and_off_while_it_runs(url, namespace):
    async with Asynq(namespace, broker=url) as app:
        go_on = asyncio.Event()

        @app.task
        async def long():
            await go_on.wait()

        @app.task
        async def noop(): ...

        async with Worker(app, heartbeat_interval=0.05) as worker:
            running = await long.delay()
            await until(lambda: worker.state.active)
            assert worker.events.enable() == "task events enabled"
            assert worker.events.enable() == "task events already enabled"
            # What runs already is told of, too.
            await told(app, running.id, until="task-started")
            go_on.set()
            await told(app, running.id)
            assert worker.events.disable() == "task events disabled"
            assert worker.events.disable() == "task events already disabled"
            silent = await noop.delay()
            await silent.get(timeout=20)
        state = app.events.State()
        await app.events.load(state)
        assert [*state.tasks] == [running.id]


async def test_a_server_without_room_for_events_is_in_no_tasks_way(app, worker, monkeypatch):
    @app.task
    async def noop(): ...

    worker.events._dispatcher._max_bytes = "nonsense"  # the script fails on the server
    for _ in range(3):
        await noop.delay().get(timeout=20)
    await until(lambda: worker.events._dispatcher.lost)


async def test_arguments_of_sealed_apps_are_not_on_the_server_in_clear(url, namespace):
    keys = {"encryption_keys": {"k": "x" * 32}, "message_keys": {"k": "y" * 32}}
    async with Asynq(namespace, broker=url, worker_send_task_events=True, **keys) as app:

        @app.task(name="secretive")
        async def secretive(word):
            raise LookupError(word)

        async with Worker(app):
            result = await secretive.delay("marmalade")
            failed = (await told(app, result.id, until="task-failed"))[-1]
        assert "marmalade" in failed["exception"]
        pages = await app.broker.events().read("", limit=100)
        assert pages
        for word in (b"marmalade", b"secretive", result.id.encode()):
            assert all(word not in page.body for page in pages)


def test_a_heartbeat_interval_must_be_above_zero(app):
    with pytest.raises(ImproperlyConfigured, match="heartbeat_interval must be seconds above 0"):
        Worker(app, heartbeat_interval=0)
