"""A camera looks at the cluster every so often."""

import asyncio

import pytest

from asynq.events.event import Life
from asynq.events.snapshot import Polaroid
from tests.waiting import until


class Camera(Polaroid):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.pictures, self.cleanups = [], 0

    async def on_shutter(self, state):
        await asyncio.sleep(0)
        self.pictures.append(state.count_by_state())

    def on_cleanup(self):
        self.cleanups += 1


@pytest.fixture
async def taken(app):
    tasks = []

    def take(**options):
        camera = Camera(app.events.State(), freq=0.02, **options)
        tasks.append(asyncio.create_task(camera.run(app.events)))
        return camera, tasks[-1]

    yield take
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_it_takes_a_picture_of_what_was_and_of_what_comes(app, dispatcher, taken):
    dispatcher.tell("t", "q", Life("1", ended=1))
    await dispatcher.flush()
    camera, _ = taken()
    await until(lambda: camera.pictures)
    assert camera.pictures[0] == {"SUCCESS": 1}
    dispatcher.tell("t", "q", Life("2", received=1))
    await dispatcher.flush()
    await until(lambda: camera.pictures[-1] == {"RECEIVED": 1, "SUCCESS": 1})
    assert camera.cleanups >= len(camera.pictures) - 1


async def test_it_may_forget_what_is_over_after_each_picture(dispatcher, taken):
    dispatcher.tell("t", "q", Life("1", ended=1))
    await dispatcher.flush()
    camera, _ = taken(clear_after=True)
    await until(lambda: len(camera.pictures) > 1)
    assert camera.pictures[:2] == [{"SUCCESS": 1}, {}]


async def test_the_last_picture_is_taken_when_it_ends(taken):
    camera, running = taken()
    await until(lambda: camera.pictures)
    count = len(camera.pictures)
    running.cancel()
    await asyncio.wait({running})
    assert len(camera.pictures) == count + 1
