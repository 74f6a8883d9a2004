"""`app.events`: states that are loaded and go on, and events that are told without a worker."""

import asyncio
import subprocess
import sys

import pytest

from asynq import Asynq
from asynq.brokers.memory import MemoryEventLog
from asynq.events import room
from asynq.events.event import Life
from asynq.exceptions import OperationalError, OptionValueError
from tests.events.conftest import take
from tests.waiting import until


async def test_a_state_is_loaded_and_goes_on_from_there(app, dispatcher):
    dispatcher.tell("t", "q", Life("1", received=1))
    await dispatcher.flush()
    state = app.events.State()
    place = await app.events.load(state)
    assert state.count_by_state() == {"RECEIVED": 1}
    following = asyncio.create_task(app.events.follow(state, place))
    dispatcher.tell("t", "q", Life("1", ended=2))
    await dispatcher.flush()
    await until(lambda: state.count_by_state() == {"SUCCESS": 1})
    assert state.event_count == 2  # none of them twice
    following.cancel()
    await asyncio.wait({following})


async def test_a_state_goes_on_when_the_server_is_back(app, dispatcher, monkeypatch):
    monkeypatch.setattr(room, "PAUSE", 0.001)
    read, failures = MemoryEventLog.read, iter([True, True])

    async def sometimes(self, *args, **options):
        if next(failures, False):
            raise OperationalError("away")
        return await read(self, *args, **options)

    state = app.events.State()
    place = await app.events.load(state)
    monkeypatch.setattr(MemoryEventLog, "read", sometimes)
    following = asyncio.create_task(app.events.follow(state, place))
    dispatcher.send("worker-online")
    await dispatcher.flush()
    await until(lambda: state.workers)
    following.cancel()
    await asyncio.wait({following})


async def test_who_lives_is_told_by_the_servers_clock_and_not_by_this_machines(
    app, dispatcher, monkeypatch
):
    dispatcher.send("worker-online", freq=2.0)
    await dispatcher.flush()
    state = app.events.State()
    await app.events.load(state)
    (worker,) = state.workers.values()
    assert worker.alive
    monkeypatch.setattr(app.broker, "now", lambda: worker.heartbeat_expires)
    later = app.events.State()
    await app.events.load(later)
    assert later.workers
    assert not later.alive_workers()


async def test_where_to_load_from_can_be_said(app, dispatcher):
    dispatcher.send("my-event")
    await dispatcher.flush()
    state = app.events.State()
    await app.events.load(state, since=None)
    assert state.event_count == 0
    with pytest.raises(OptionValueError, match="expected 'beginning'"):
        await app.events.load(state, since="yesterday")


async def test_events_of_ones_own_are_told(app):
    app.events.default_dispatcher().send("my-event", number=7)
    async with app.events("my-event", since="beginning") as events:
        event = await events.next(5)
    assert event["number"] == 7
    assert event["hostname"].startswith("gen")


@pytest.fixture
async def sender(namespace):
    app = Asynq(namespace, broker="memory://", task_send_sent_event=True)
    async with app:
        yield app


async def test_who_sends_tells_what_was_sent(sender):
    @sender.task(name="add")
    async def add(x, y): ...

    plain = await add.delay(1, y=2)
    late = await add.apply_async((1, 2), queue="late", countdown=60, expires=90)
    async with sender.events("task-sent", since="beginning") as events:
        first, second = await take(events, 2)
    assert (first["uuid"], first["name"], first["queue"]) == (plain.id, "add", "default")
    assert (first["args"], first["kwargs"], first["eta"]) == ("(1,)", "{'y': 2}", None)
    assert (second["uuid"], second["routing_key"]) == (late.id, "late")
    assert second["eta"] < second["expires"]


async def test_what_could_not_be_sent_is_not_told(sender, monkeypatch):
    @sender.task(name="add")
    async def add(x, y): ...

    async def refuse(*args, **options):
        raise OperationalError("full")

    monkeypatch.setattr(sender.broker, "publish", refuse)
    with pytest.raises(OperationalError):
        await add.delay(1, 2)
    await sender.events.aclose()
    assert await sender.events(since="beginning").next(0) is None


async def test_off_is_off(app, monkeypatch):
    @app.task(name="add")
    async def add(x, y): ...

    await add.delay(1, 2)
    await app.events.aclose()
    assert await app.events(since="beginning").next(0) is None


SCRIPT = """
import asyncio, sys
from asynq import Asynq

app = Asynq({namespace!r}, broker={url!r}, task_send_sent_event=True)

@app.task(name="add")
async def add(x, y): ...

async def main():
    await add.delay(1, 2)

asyncio.run(main())
"""


async def test_a_script_that_ends_at_once_has_told_it(url, namespace):
    script = SCRIPT.format(namespace=namespace, url=url)
    ran = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    async with Asynq(namespace, broker=url) as app:
        event = await app.events(since="beginning").next(5)
    assert event["type"] == "task-sent"


def test_who_does_not_ask_for_events_does_not_load_them():
    script = (
        "import asyncio, sys\n"
        "from asynq import Asynq\n"
        "app = Asynq('x', broker='memory://')\n"
        "async def main():\n"
        "    async with app: await app.send_task('add', (1,))\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if name.startswith('asynq.events')])\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
