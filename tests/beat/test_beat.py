"""The beat, on a broker in memory and on real servers."""

import asyncio
import logging

import pytest

from asynq import Beat, chain, chord, group, signals
from asynq.brokers.schedules import Declared
from asynq.canvas.own import BEGIN
from asynq.exceptions import ImproperlyConfigured, OperationalError
from asynq.middleware import Middleware
from asynq.periodic.firing import slot_id
from asynq.wire.message import decode
from asynq.worker.worker import Worker
from tests.beat.conftest import Shop
from tests.budget.counting import monitored
from tests.waiting import until

QUICK = 0.05


async def test_a_periodic_task_is_sent_again_and_again(shop):
    shop.app.add_periodic_task(QUICK, shop.add.s(1, y=2), name="sum")
    async with Beat(shop.app, max_interval=QUICK):
        first, second = await shop.taken(2)
    message = decode(first.body)
    assert (message.task, bytes(message.args), bytes(message.kwargs)) == (
        "shop.add",
        b"[1]",
        b'{"y":2}',
    )
    assert first.id != second.id


async def test_the_id_of_a_call_follows_from_its_slot(shop):
    shop.app.add_periodic_task(QUICK, shop.add.s(1), name="sum")
    async with Beat(shop.app, max_interval=QUICK):
        [sent] = await shop.taken(1)
    [entry] = (await shop.app.broker.schedules().look()).entries
    slots = range(entry.anchor + 50, entry.last + 1, 50)
    assert sent.id in {slot_id(shop.app.namespace, "sum", slot) for slot in slots}


async def test_many_beats_send_each_slot_once(shop):
    shop.app.add_periodic_task(QUICK, shop.add.s(1), name="sum", misfire="all")
    async with Beat(shop.app), Beat(shop.app), Beat(shop.app, max_interval=QUICK):
        await until(shop.sent, within=5)
        await asyncio.sleep(0.7)  # what time it takes is what is tested
    [entry] = (await shop.app.broker.schedules().look()).entries
    slots = range(entry.anchor + 50, entry.last + 1, 50)
    assert len(slots) > 10
    sent = await shop.taken(len(slots))
    assert [each.id for each in sent] == [slot_id(shop.app.namespace, "sum", s) for s in slots]
    assert await shop.sent() == len(sent)
    assert entry.count == len(slots)


async def test_a_firing_may_be_a_chain_a_group_or_a_chord(shop):
    add, runs = shop.add, []

    @shop.app.task(name="shop.note")
    async def note(value, what):
        runs.append((what, value))

    canvases = {
        "chain": chain(add.s(1, 2), add.s(10), note.s(what="chain")),
        "chord": chord([add.s(1, 1), add.s(2, 2)], note.s(what="chord")),
        "group": group(note.s(1, what="group"), note.s(2, what="group")),
        "link": add.signature((5, 6), link=note.s(what="link")),
    }
    for name, canvas in canvases.items():
        shop.app.add_periodic_task(0.2, canvas, name=name)
    async with Worker(shop.app), Beat(shop.app, max_interval=QUICK):
        await until(lambda: {what for what, _ in runs} == canvases.keys())
        await until(lambda: ("group", 2) in runs)
    for run in [("chain", 13), ("chord", [2, 4]), ("group", 1), ("link", 11)]:
        assert run in runs


async def test_a_large_group_is_sent_whole(memory_shop):
    shop = memory_shop
    canvas = group(shop.add.s(number) for number in range(150))
    shop.app.add_periodic_task(0.2, canvas, name="large")
    async with Beat(shop.app, max_interval=QUICK):
        [begin] = await shop.taken(1)
    assert decode(begin.body).task == BEGIN  # which a worker begins the others with


async def test_routes_options_middleware_and_signals_are_those_of_any_call(memory_shop):
    shop = memory_shop
    app, told = shop.app, []
    app.conf.task_routes = {"shop.add": "feeds"}

    class Marked(Middleware):
        async def publish(self, call, proceed):
            call.headers["mark"] = "middle"
            await proceed()

    app.middleware.append(Marked())

    @signals.before_task_publish.connect
    def publishing(sender, headers, **more):
        told.append((sender, headers["mark"]))

    app.add_periodic_task(QUICK, shop.add.s(1), name="sum", priority=6, expires=60)
    try:
        async with Beat(app, max_interval=QUICK):
            [sent, *_] = await until(lambda: app.broker.receive(["feeds"], limit=1, wait=1))
    finally:
        signals.before_task_publish.disconnect(publishing)
    message = decode(sent.body)
    assert (sent.priority, message.headers, message.expires is not None) == (
        6,
        {"mark": "middle"},
        True,
    )
    assert told[0] == ("shop.add", "middle")


async def test_what_is_fired_is_signed(memory_shop):
    shop = memory_shop
    shop.app.conf.message_keys = {"k": "a secret of thirty-two characters"}
    shop.app.add_periodic_task(QUICK, shop.add.s(1), name="sum")
    async with Beat(shop.app, max_interval=QUICK):
        [sent] = await shop.taken(1)
    opened = shop.app.seal.open(sent.body, queue="default", id=sent.id)
    assert decode(opened).task == "shop.add"


async def test_the_setting_is_the_same_as_adding(memory_shop):
    shop = memory_shop
    shop.app.conf.beat_schedule = {
        "elsewhere": {"task": "other.app", "schedule": QUICK, "args": (1, 2)},
    }
    async with Beat(shop.app, max_interval=QUICK):
        [sent] = await shop.taken(1)
    assert decode(sent.body).task == "other.app"


async def test_an_entry_that_is_gone_from_the_code_is_dropped(shop):
    kept = shop.app.broker.schedules()
    await kept.declare(shop.app.main, {"old": Declared("r", b"d")})
    await kept.declare("another app", {"theirs": Declared("r", b"d")})
    shop.app.add_periodic_task(60, shop.add.s(1), name="new")
    async with Beat(shop.app) as beat:
        await until(lambda: "new" in beat.timetable.rows)
    assert {entry.name for entry in (await kept.look()).entries} == {"new", "theirs"}


async def test_a_paused_entry_stays_paused_over_restarts(shop):
    shop.app.add_periodic_task(QUICK, shop.add.s(1), name="sum")
    async with Beat(shop.app, max_interval=QUICK):
        await until(shop.sent)
        await shop.app.schedules.pause("sum")
    async with Beat(shop.app, max_interval=QUICK) as beat:
        await beat.reached.wait()
        await asyncio.sleep(QUICK)
        assert beat.timetable.rows == {}
        await shop.app.schedules.resume("sum")
        before = await shop.sent()
        await until(lambda: beat.timetable.rows)
        await until(lambda: is_more(shop, before))


async def is_more(shop, before):
    return await shop.sent() > before


async def test_a_beat_takes_up_what_is_added_and_removed(shop):
    async with Beat(shop.app, max_interval=QUICK) as beat:
        await shop.app.schedules.add("sum", QUICK, "shop.add", [3])
        [sent] = await shop.taken(1)
        assert bytes(decode(sent.body).args) == b"[3]"
        await shop.app.schedules.remove("sum")
        await until(lambda: not beat.timetable.rows)


async def test_an_idle_beat_asks_about_once_a_second(url, server, namespace):
    shop, commands = Shop(url, namespace), []
    shop.app.add_periodic_task(3600, shop.add.s(1), name="sum")
    async with shop.app, Beat(shop.app) as beat:
        await until(lambda: beat.timetable.rows)
        async with monitored(server) as sent, asyncio.timeout(30):
            async for at, command in sent:
                commands.append((at, command))
                if at > commands[0][0] + 3:
                    break
    assert len(commands) <= 5, commands


async def test_a_server_that_has_lost_its_data_is_told_again(shop):
    shop.app.add_periodic_task(60, shop.add.s(1), name="sum")
    async with Beat(shop.app, max_interval=QUICK) as beat:
        await until(lambda: "sum" in beat.timetable.rows)
        if hasattr(shop.app.broker, "_space"):
            shop.app.broker._space.clear()
        else:
            await shop.app.broker._calls.execute(b"FLUSHALL")
        kept = shop.app.broker.schedules()
        await until(lambda: has_entries(kept))
        assert await shop.sent() == 0


async def has_entries(kept):
    return (await kept.look()).entries


async def test_a_name_that_is_taken_is_said(memory_shop, caplog):
    shop = memory_shop
    await shop.app.schedules.add("sum", 60, "shop.add", [3])
    shop.app.add_periodic_task(30, shop.add.s(1), name="sum")
    async with Beat(shop.app) as beat:
        await until(lambda: "sum" in beat.timetable.rows)
    assert "'sum' is not taken up: another app, or somebody" in caplog.text
    [known] = await shop.app.schedules.list()
    assert (known.origin, known.schedule) == ("added", "every 1 min")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"task": "shop.add"}, "periodic task 'sum': .*missing.*'x'"),
        ({"task": "shop.add", "args": (1, 2, 3)}, "periodic task 'sum': "),
        ({"task": "shop.add", "args": (1,), "options": {"queu": "q"}}, "did you mean 'queue'"),
        ({"task": "shop.add", "args": (1,), "options": {"task_id": "x"}}, "an id of its own"),
        ({"task": "shop.add", "args": (object(),)}, "periodic task 'sum': "),
    ],
)
async def test_a_call_that_can_not_be_made_is_said_at_the_start(memory_shop, entry, says):
    memory_shop.app.conf.beat_schedule = {"sum": {"schedule": 60, **entry}}
    with pytest.raises(ImproperlyConfigured, match=says):
        async with Beat(memory_shop.app):
            pass


async def test_an_entry_that_can_not_be_sent_does_not_stop_the_others(memory_shop, caplog):
    shop = memory_shop

    class Refusing(Middleware):
        async def publish(self, call, proceed):
            if call.args == (13,):
                raise LookupError("unlucky")
            await proceed()

    shop.app.middleware.append(Refusing())
    shop.app.add_periodic_task(QUICK, shop.add.s(13), name="bad")
    shop.app.add_periodic_task(QUICK, shop.add.s(1), name="good")
    async with Beat(shop.app, max_interval=QUICK):
        sent = await shop.taken(2)
    assert {bytes(decode(each.body).args) for each in sent} == {b"[1]"}
    assert "Periodic task 'bad' can't be sent" in caplog.text


async def test_a_broker_that_is_away_is_waited_for(memory_shop, monkeypatch, caplog):
    shop = memory_shop
    shop.app.add_periodic_task(QUICK, shop.add.s(1), name="sum")
    kind = type(shop.app.broker.schedules())
    look, errors = kind.look, [OperationalError("away")] * 3

    async def failing(self, **asked):
        if errors:
            raise errors.pop()
        return await look(self, **asked)

    monkeypatch.setattr(kind, "look", failing)
    async with Beat(shop.app, max_interval=QUICK):
        await shop.taken(1)
    assert caplog.text.count("Can't fire periodic tasks: away") == 1
    assert "Can fire periodic tasks again" in caplog.text


async def test_what_is_wrong_inside_is_said_and_it_goes_on(memory_shop, monkeypatch, caplog):
    shop = memory_shop
    monkeypatch.setattr("asynq.beat.beat.AFTER_AN_ERROR", 0.01)
    shop.app.add_periodic_task(QUICK, shop.add.s(1), name="sum")
    errors = [ZeroDivisionError("inside")]
    async with Beat(shop.app, max_interval=QUICK) as beat:
        due = beat.timetable.due

        def failing(now):
            if errors:
                raise errors.pop()
            return due(now)

        beat.timetable.due = failing
        await shop.taken(1)
    assert "Something is wrong here" in caplog.text


async def test_one_beat_has_the_lease_and_gives_it_back(memory_shop, caplog):
    with caplog.at_level(logging.INFO, "asynq.beat"):
        async with Beat(memory_shop.app, max_interval=QUICK) as first:
            await first.reached.wait()
            async with Beat(memory_shop.app, max_interval=QUICK) as second:
                await second.reached.wait()
                first.stop()
                await first.wait()
                await until(lambda: caplog.text.count("I fire first now") == 2)


@pytest.mark.parametrize(
    ("embedded", "signal"), [(False, signals.beat_init), (True, signals.beat_embedded_init)]
)
async def test_its_start_is_announced(memory_shop, embedded, signal):
    told = []

    def receiver(sender, **named):
        told.append(sender)

    signal.connect(receiver)
    try:
        async with Beat(memory_shop.app, embedded=embedded) as beat:
            await beat.reached.wait()
    finally:
        signal.disconnect(receiver)
    assert told == [beat]


async def test_it_runs_once(memory_shop):
    async with Beat(memory_shop.app) as beat:
        with pytest.raises(RuntimeError, match="make another"):
            await beat.__aenter__()


async def test_run_ends_when_it_is_told_to_stop(memory_shop):
    beat = Beat(memory_shop.app)
    running = asyncio.create_task(beat.run())
    await beat.reached.wait()
    beat.stop()
    await running
