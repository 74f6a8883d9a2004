"""Calling tasks at regular times."""

import asyncio

from asynq import Beat, crontab


async def test_a_beat_calls_what_the_schedule_names(app, worker):
    called = asyncio.Queue()

    @app.task(name="sums.add")
    async def add(x, y):
        await called.put(x + y)

    app.conf.beat_schedule = {"sum": {"task": "sums.add", "schedule": 0.1, "args": (16, 16)}}
    async with Beat(app), asyncio.timeout(20):
        assert [await called.get(), await called.get()] == [32, 32]


async def test_periodic_tasks_may_be_set_up_in_code(app, worker):
    called = asyncio.Queue()

    @app.task(name="greet")
    async def greet(what):
        await called.put(what)

    @app.on_after_configure.connect
    def setup_periodic_tasks(sender, **kwargs):
        sender.add_periodic_task(0.1, greet.s("hello"), name="add every tenth")
        sender.add_periodic_task(crontab(hour=7, minute=30, day_of_week=1), greet.s("Mondays!"))

    async with Beat(app), asyncio.timeout(20):
        assert await called.get() == "hello"
        names = [each.name for each in await app.schedules.list()]
        assert names == ["add every tenth", "greet('Mondays!')"]


async def test_they_may_be_changed_while_beats_run(app, worker):
    called = asyncio.Queue()

    @app.task(name="greet")
    async def greet(what):
        await called.put(what)

    async with Beat(app), asyncio.timeout(20):
        await app.schedules.add("hello", 0.1, greet, ["hello"])
        assert await called.get() == "hello"
        await app.schedules.pause("hello")
        await app.schedules.run_now("hello")
        assert await called.get() == "hello"
        await app.schedules.remove("hello")
        assert await app.schedules.list() == []
