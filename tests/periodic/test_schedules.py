"""`app.schedules`: periodic tasks, looked at and changed while beats run."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from asynq import Asynq, Beat, chain, crontab
from asynq.brokers.schedules import Declared
from asynq.exceptions import (
    ImproperlyConfigured,
    OptionValueError,
    ScheduleNotFound,
    SecurityError,
)
from asynq.wire.message import decode
from asynq.worker.worker import Worker
from tests.waiting import until


@pytest.fixture
async def app(place, namespace):
    app = Asynq(namespace, broker=place)

    @app.task(name="shop.add")
    async def add(x: int, y: int = 0) -> int:
        return x + y

    async with app:
        yield app


async def the_only(app):
    [info] = await app.schedules.list()
    return info


async def test_what_is_added_is_listed(app):
    await app.schedules.add(
        "report", crontab(0, 9), "shop.add", [1], {"y": 2}, tz="Asia/Tokyo", misfire="all"
    )
    info = await the_only(app)
    assert (info.name, info.task, info.schedule, info.tz) == (
        "report",
        "shop.add",
        "0 9 * * *",
        "Asia/Tokyo",
    )
    assert (info.origin, info.paused, info.misfire) == ("added", False, "all")
    assert (info.args, info.kwargs) == ("[1]", '{"y":2}')
    assert (info.last, info.count, info.last_id) == (None, 0, None)
    assert info.next.tzinfo == ZoneInfo("Asia/Tokyo")
    assert (info.next.hour, info.next.minute) == (9, 0)
    assert timedelta(0) < info.next - datetime.now(UTC) <= timedelta(days=1, minutes=1)


async def test_they_are_listed_by_name(app):
    for name in ("b", "c", "a"):
        await app.schedules.add(name, 60, "shop.add", [1])
    assert [each.name for each in await app.schedules.list()] == ["a", "b", "c"]


async def test_a_name_is_taken_once(app):
    await app.schedules.add("a", 60, "shop.add", [1])
    with pytest.raises(OptionValueError, match="replace=True"):
        await app.schedules.add("a", 30, "shop.add", [1])
    await app.schedules.add("a", 30, "shop.add", [1], replace=True)
    assert (await the_only(app)).schedule == "every 30 s"


async def test_what_code_declares_is_changed_there(app):
    app.add_periodic_task(60, app.tasks["shop.add"].s(1), name="a")
    async with Beat(app) as beat:
        await until(lambda: beat.timetable.rows)
    assert (await the_only(app)).origin == "code"
    with pytest.raises(OptionValueError, match="declared by code: change it there"):
        await app.schedules.add("a", 30, "shop.add", [1], replace=True)
    with pytest.raises(OptionValueError, match="take it out there, or pause it"):
        await app.schedules.remove("a")


async def test_what_code_no_longer_has_may_be_removed(app):
    await app.broker.schedules().declare(app.main, {"old": Declared("r", b"{}")})
    await app.schedules.remove("old")
    assert await app.schedules.list() == []


async def test_one_is_paused_and_resumed(app):
    await app.schedules.add("a", 60, "shop.add", [1])
    await app.schedules.pause("a")
    info = await the_only(app)
    assert (info.paused, info.next) == (True, None)
    await app.schedules.resume("a")
    info = await the_only(app)
    assert not info.paused
    assert info.next > datetime.now(UTC)


async def test_one_is_run_now_and_its_slots_stay_what_they_are(app):
    await app.schedules.add("a", 3600, "shop.add", [1], {"y": 2})
    before = await the_only(app)
    await app.schedules.pause("a")
    async with Worker(app):
        result = await app.schedules.run_now("a")
        assert await result.get(timeout=10) == 3
    await app.schedules.resume("a")
    after = await the_only(app)
    assert (after.count, after.last_id) == (1, result.id)
    assert abs(after.last - datetime.now(UTC)) < timedelta(minutes=1)
    assert after.next == before.next


async def test_a_chain_is_run_now(app):
    add = app.tasks["shop.add"]
    await app.schedules.add("a", 3600, chain(add.s(1, 2), add.s(10)))
    async with Worker(app):
        assert await (await app.schedules.run_now("a")).get(timeout=10) == 13


async def test_what_code_declares_is_run_from_that_code(app, namespace):
    app.add_periodic_task(3600, app.tasks["shop.add"].s(7), name="a")
    async with Beat(app) as beat:
        await until(lambda: beat.timetable.rows)
    await app.schedules.run_now("a")
    [sent] = await app.broker.receive(["default"], limit=1, wait=5)
    assert bytes(decode(sent.body).args) == b"[7]"
    stranger = Asynq("stranger", broker=app.conf.broker_url, namespace=namespace)
    async with stranger:
        with pytest.raises(ImproperlyConfigured, match="run it from that app"):
            await stranger.schedules.run_now("a")


@pytest.mark.parametrize("what", ["pause", "resume", "run_now", "remove"])
async def test_what_is_not_there_is_said(app, what):
    with pytest.raises(ScheduleNotFound, match="no periodic task 'a'"):
        await getattr(app.schedules, what)("a")


@pytest.mark.parametrize(
    ("arguments", "options", "error", "says"),
    [
        (("a", "soon", "shop.add"), {}, TypeError, "schedule: expected seconds"),
        (("a", 60, "shop.add", 16), {}, TypeError, "args: expected a list or tuple"),
        (("a", 60, "shop.add"), {}, ImproperlyConfigured, "missing"),
        (("a", 60, "shop.add", [1]), {"queu": "q"}, ImproperlyConfigured, "'queue'"),
        (("a", 60, "shop.add", [1]), {"tz": "Mars"}, ValueError, "Mars"),
    ],
)
async def test_what_is_wrong_is_said_when_it_is_added(app, arguments, options, error, says):
    with pytest.raises(error, match=says):
        await app.schedules.add(*arguments, **options)
    assert await app.schedules.list() == []


async def test_what_can_not_be_read_is_listed_all_the_same(app):
    await app.broker.schedules().add("a", Declared("r", b"\xff"))
    info = await the_only(app)
    assert (info.task, info.schedule, info.next) == ("(can't be read)", "(can't be read)", None)


async def test_what_somebody_else_wrote_is_not_run(app):
    await app.schedules.add("a", 60, "shop.add", [1])
    app.conf.message_keys = {"k": "a secret of thirty-two characters"}
    assert (await the_only(app)).task == "(can't be read)"
    with pytest.raises(SecurityError):
        await app.schedules.run_now("a")
    async with Beat(app, max_interval=0.05) as beat:
        await beat.reached.wait()
        assert beat.timetable.rows == {}
