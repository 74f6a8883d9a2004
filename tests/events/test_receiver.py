"""Events as they come: one after the other, or to handlers."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from asynq import Asynq
from asynq._time import time
from asynq.brokers.memory import MemoryEventLog
from asynq.events import receiver
from asynq.events.event import Life
from asynq.exceptions import OperationalError, OptionTypeError, OptionValueError
from tests.events.conftest import take


async def tell(dispatcher, *ids):
    """A batch of tasks that were received, and have ended."""
    for number, id in enumerate(ids):
        dispatcher.tell("t", "q", Life(id, received=2 * number, ended=2 * number + 1))
    await dispatcher.flush()


def uuids(events):
    return [event["uuid"] for event in events]


async def test_who_asks_from_now_on_hears_what_comes_then(app, dispatcher):
    await tell(dispatcher, "before")
    async with app.events() as events:
        await tell(dispatcher, "after")
        assert uuids(await take(events, 2)) == ["after", "after"]


async def test_who_waits_is_woken(app, dispatcher):
    async with app.events() as events:
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(0)
        await tell(dispatcher, "1")
        assert (await waiting)["uuid"] == "1"


async def test_the_beginning_is_what_is_kept(app, dispatcher):
    await tell(dispatcher, "1")
    await tell(dispatcher, "2", "3")
    async with app.events("task-succeeded", since="beginning") as events:
        assert uuids(await take(events, 3)) == ["1", "2", "3"]
        assert await events.next(0) is None


@pytest.mark.parametrize("form", ["seconds", "datetime", "ago"])
async def test_a_time_is_a_beginning_too(app, dispatcher, form):
    dispatcher.send("my-event", number=1)
    await dispatcher.flush()
    await asyncio.sleep(0.05)
    now = time()
    since = {
        "seconds": now,
        "datetime": datetime.fromtimestamp(now, UTC),
        "ago": timedelta(seconds=0.02),
    }[form]
    dispatcher.send("my-event", number=2)
    await dispatcher.flush()
    async with app.events(since=since) as events:
        assert (await events.next(5))["number"] == 2


async def test_of_a_batch_only_what_has_happened_since_is_given_out(app, dispatcher):
    dispatcher.send("my-event", timestamp=time() - 100, number=1)
    dispatcher.send("my-event", number=2)
    await dispatcher.flush()
    async with app.events(since=timedelta(seconds=50)) as events:
        assert (await events.next(5))["number"] == 2


@pytest.mark.parametrize("taken", range(7))
@pytest.mark.parametrize("types", [(), ("task-succeeded",)], ids=["all", "some"])
async def test_another_stream_goes_on_exactly_where_one_has_stopped(app, dispatcher, taken, types):
    await tell(dispatcher, "1")
    await tell(dispatcher, "2", "3")
    async with app.events(*types, since="beginning") as events:
        every = await take(events, 3 if types else 6)
    async with app.events(*types, since="beginning") as events:
        first = await take(events, min(taken, len(every)))
        place = events.place
    async with app.events(*types, after=place) as events:
        rest = await take(events, len(every) - len(first))
        assert await events.next(0) is None
    seen = [(event["uuid"], event["type"]) for event in first + rest]
    assert seen == [(event["uuid"], event["type"]) for event in every]


async def test_nothing_that_comes_in_time_is_none(app):
    async with app.events() as events:
        assert await events.next(0.01) is None


async def test_a_server_that_goes_away_is_waited_for(app, dispatcher, monkeypatch, caplog):
    monkeypatch.setattr(receiver, "PAUSES", (0.001,))
    read, failures = MemoryEventLog.read, iter([False, True, True, False, False, False])

    async def sometimes(self, *args, **options):
        if next(failures, False):
            raise OperationalError("away")
        return await read(self, *args, **options)

    monkeypatch.setattr(MemoryEventLog, "read", sometimes)
    async with app.events() as events:
        assert await events.next(0) is None
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(0.02)
        await tell(dispatcher, "1")
        assert (await waiting)["uuid"] == "1"
    assert [r.getMessage() for r in caplog.records] == ["Events can't be read, trying again: away"]


async def test_a_server_that_was_never_there_is_an_error():
    async with Asynq("nowhere", broker="redis://localhost:1", publish_timeout=0.2) as app:
        with pytest.raises(OperationalError, match="localhost:1"):
            await anext(app.events())


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"since": "yesterday"}, OptionValueError, "expected 'beginning', a datetime"),
        ({"since": [1]}, OptionTypeError, "expected 'beginning', a datetime"),
        ({"after": 7}, OptionTypeError, "after: expected a stream's place, got 7"),
    ],
    ids=str,
)
async def test_what_is_no_place_to_begin_is_refused(app, options, error, says):
    for ask in (app.events, app.events.Receiver):
        with pytest.raises(error, match=says):
            ask(**options)


@pytest.mark.parametrize("place", ["yesterday", "1-1/x"])
async def test_what_is_no_place_of_a_stream_is_refused(app, place):
    with pytest.raises(ValueError, match="place"):
        await app.events(after=place).next(0)


async def test_a_type_must_be_a_text(app):
    with pytest.raises(OptionTypeError, match="expected types like 'task-failed', got 7"):
        app.events(7)


# Handlers


async def test_each_type_goes_to_its_handler_and_the_others_to_the_star(app, dispatcher):
    await tell(dispatcher, "1", "2")
    dispatcher.send("my-event")
    await dispatcher.flush()
    ended, others = [], []

    async def on_end(event):
        await asyncio.sleep(0)
        ended.append(event["uuid"])

    handlers = {"task-succeeded": on_end, "*": lambda event: others.append(event["type"])}
    await app.events.Receiver(handlers, since="beginning").capture(limit=5)
    assert ended == ["1", "2"]
    assert others == ["task-received", "task-received", "my-event"]


async def test_without_a_star_only_what_is_handled_is_read_and_counted(app, dispatcher):
    await tell(dispatcher, "1", "2", "3")
    ended = []
    handlers = {"task-succeeded": lambda event: ended.append(event["uuid"])}
    await app.events.Receiver(handlers=handlers, since="beginning").capture(limit=2)
    assert ended == ["1", "2"]


async def test_a_handler_may_stop_it(app, dispatcher):
    await tell(dispatcher, "1", "2", "3")
    seen = []

    def on_event(event):
        seen.append(event)
        receiver.should_stop = len(seen) == 4

    receiver = app.events.Receiver({"*": on_event}, since="beginning")
    await receiver.capture()
    assert len(seen) == 4


async def test_a_state_can_be_a_handler(app, dispatcher):
    await tell(dispatcher, "1", "2")
    state = app.events.State()
    await app.events.Receiver({"*": state.event}, since="beginning").capture(limit=4)
    assert state.count_by_state() == {"SUCCESS": 2}


async def test_waiting_too_long_is_an_error(app):
    with pytest.raises(TimeoutError, match=r"no event came within 0\.01 s"):
        await app.events.Receiver({"*": print}).capture(timeout=0.01)


@pytest.mark.parametrize(("wakeup", "known"), [(True, ["w@here"]), (False, [])])
async def test_workers_that_live_are_known_at_once(app, dispatcher, wakeup, known):
    dispatcher.send("worker-heartbeat", freq=2.0)
    dispatcher.send("worker-offline", hostname="gone@here")
    await dispatcher.flush()
    state = app.events.State()
    receiver = app.events.Receiver({"*": state.event})
    with pytest.raises(TimeoutError):
        await receiver.capture(timeout=0, wakeup=wakeup)
    assert [*state.workers] == known


async def test_what_a_handler_raises_comes_out(app, dispatcher):
    await tell(dispatcher, "1")

    def broken(event):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await app.events.Receiver({"*": broken}, since="beginning").capture()


async def test_a_handler_must_be_a_function(app):
    with pytest.raises(OptionTypeError, match="expected a function for 'task-failed', got 7"):
        app.events.Receiver({"task-failed": 7})
