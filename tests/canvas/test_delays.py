"""Steps that wait for their time once it is their turn, wherever in a workflow they stand."""

from __future__ import annotations

import asyncio
import time

import pytest

from asynq import Asynq, TaskRevokedError, Worker, chain, chord, group
from asynq.brokers.redis import delayed

WAIT = 0.2
"""Seconds that something waits for its time."""
LATE = 10.0
"""Seconds: nobody who was not told looks within that time."""


@pytest.fixture(autouse=True)
def rare_looks(monkeypatch):
    """Who only looks now and then is very late."""
    monkeypatch.setattr(delayed, "LONGEST_SLEEP", 60.0)


class Shop:
    """An app whose tasks tell when they run."""

    def __init__(self, app):
        self.app = app
        self.began = asyncio.get_running_loop().create_future()

        @app.task
        async def now(*before) -> float:
            return time.time()

        @app.task
        async def waited(*before):
            if not self.began.done():
                self.began.set_result(time.time())

        @app.task
        async def fail(*before):
            raise ValueError("h")

        @app.task
        async def hang(*before):
            await asyncio.sleep(60)

        @app.task(bind=True)
        async def swap(self, canvas):
            self.replace(app.signature(canvas))

        @app.task(bind=True)
        async def add(self, canvas):
            self.add_to_chord(app.signature(canvas))

        self.now, self.fail, self.hang, self.swap, self.add = now, fail, hang, swap, add
        self.waiting = waited.si().set(countdown=WAIT)


@pytest.fixture
async def shop(place, namespace):
    async with Asynq(namespace, broker=place) as app:
        shop = Shop(app)
        async with Worker(app):
            await (await shop.now.delay()).get()  # it has looked for what is due
            yield shop


CANVASES = {
    "the first step": lambda s: s.waiting | s.now.si(),
    "all of a chain": lambda s: chain(s.waiting, s.now.si()).set(countdown=WAIT),
    "a call with a link": lambda s: s.waiting.set(link=s.now.si()),
    "a member of a chord": lambda s: chord([s.waiting, s.now.si()], s.now.si()),
    "a member of a group": lambda s: group(s.waiting, s.now.si()),
    "a link": lambda s: s.now.s().set(link=s.waiting),
    "a later step": lambda s: s.now.si() | s.waiting,
    "the body of a chord": lambda s: chord([s.now.si(), s.now.si()], s.waiting),
    "the body of a chord of groups": lambda s: chord(
        [s.now.si() | group(s.now.si(), s.now.si()) for _ in range(2)], s.waiting
    ),
    "the body of a chord that collects errors": lambda s: chord(
        [s.now.si(), s.fail.si()], s.waiting, errors="collect"
    ),
    "a member of many": lambda s: chord([s.now.si() for _ in range(99)] + [s.waiting], s.now.si()),
    "an errback": lambda s: s.fail.si().on_error(s.waiting),
    "an errback of a chain": lambda s: (s.fail.si() | s.now.si()).on_error(s.waiting),
    "a call that replaces a task": lambda s: s.swap.si(s.waiting),
    "a chain that replaces a task": lambda s: s.swap.si(s.waiting | s.now.si()),
    "what is added to a chord": lambda s: chord([s.add.si(s.waiting), s.now.si()], s.now.si()),
}


@pytest.mark.parametrize("canvas", CANVASES.values(), ids=CANVASES)
async def test_it_begins_at_its_time_and_not_when_somebody_looks(shop, canvas):
    sent = time.time()
    await canvas(shop).apply_async()
    began = await asyncio.wait_for(shop.began, LATE)
    assert began - sent > 0.75 * WAIT


async def test_a_workflow_ends_when_its_time_is_over(shop):
    result = await (shop.hang.si() | shop.now.si()).apply_async(workflow_timeout=WAIT)
    with pytest.raises(TaskRevokedError):
        await result.get(timeout=LATE)


async def test_so_does_one_that_replaces_a_task(shop):
    ending = (shop.hang.si() | shop.now.si()).set(workflow_timeout=WAIT)
    with pytest.raises(TaskRevokedError):
        await (await shop.swap.delay(ending)).get(timeout=LATE)


async def test_a_step_is_tried_again_at_its_time(shop):
    @shop.app.task(bind=True)
    async def again(self):
        if not self.request.retries:
            self.retry(countdown=WAIT)

    await (await (again.si() | shop.now.si())()).get(timeout=LATE)
