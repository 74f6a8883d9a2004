"""A screen that is driven, and looked at."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from asynq import Asynq, Reject
from asynq.monitor import Cluster
from asynq.monitor.screen.program import Monitor
from tests.waiting import until


class Driven:
    """A screen, whose keys are pressed."""

    def __init__(self, monitor, pilot):
        self.monitor = monitor
        self._pilot = pilot

    async def press(self, *keys):
        await self._pilot.press(*keys)

    async def type(self, text):
        await self._pilot.press(*text)

    async def click(self, selector, **where):
        await self._pilot.click(selector, **where)

    @property
    def shown(self):
        """The screen as text, line by line."""
        return "\n".join(
            "".join(segment.text for segment in strip).rstrip()
            for strip in self.monitor.screen._compositor.render_strips()
        )

    @property
    def told(self):
        """What the notes say."""
        return [note.message for note in self.monitor._notifications]

    async def sees(self, *texts):
        """The screen, as soon as all of these are on it."""
        try:
            return await until(lambda: (s := self.shown) and all(t in s for t in texts) and s)
        except TimeoutError:
            pytest.fail(f"not all of {texts} are on the screen:\n{self.shown}", pytrace=False)

    async def sees_not(self, text):
        """The screen, as soon as that is not on it."""
        return await until(lambda: (shown := self.shown) and text not in shown and shown)


@asynccontextmanager
async def driving(monitor, size=(80, 24)):
    """The screen, running."""
    async with monitor.run_test(size=size) as pilot:
        yield Driven(monitor, pilot)


@pytest.fixture
async def app(url, namespace):
    async with Asynq(
        namespace, broker=url, worker_send_task_events=True, task_queues=["default", "images"],
        set_as_current=False,
    ) as app:  # fmt: skip

        @app.task(name="shop.add")
        async def add(x=0, y=0):
            return x + y

        @app.task(name="shop.fail")
        async def fail(*args):
            raise LookupError("nobody knows")

        @app.task(name="shop.wait")
        async def wait():
            await asyncio.Event().wait()

        @app.task(name="shop.put_aside")
        async def put_aside():
            raise Reject("no lamp in stock")

        yield app


@pytest.fixture
async def screen(app):
    async with driving(Monitor(Cluster(app, every=0.05))) as driven:
        await driven.monitor.cluster.loaded.wait()
        yield driven
