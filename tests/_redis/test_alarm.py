"""One call at a moment of the loop's time."""

import asyncio
import math

import pytest

from asynq._redis.alarm import Alarm

pytestmark = pytest.mark.both_loops


class Rung(list):
    """When it rang; awaited, the next time that it does."""

    def __init__(self):
        self.event = asyncio.Event()

    def __call__(self):
        self.append(asyncio.get_running_loop().time())
        self.event.set()


@pytest.fixture
async def rung():
    return Rung()


@pytest.fixture
async def alarm(rung):
    return Alarm(asyncio.get_running_loop(), rung)


async def test_it_rings_once_and_is_not_set_any_more(alarm, rung):
    assert alarm.at == math.inf
    alarm.set(asyncio.get_running_loop().time() + 0.01)
    await rung.event.wait()
    assert alarm.at == math.inf
    assert len(rung) == 1


async def test_it_knows_its_time_even_when_that_is_now(alarm, rung):
    now = asyncio.get_running_loop().time()
    alarm.set(now)
    assert alarm.at == now
    await rung.event.wait()


async def test_setting_it_anew_forgets_the_time_before(alarm, rung):
    now = asyncio.get_running_loop().time()
    alarm.set(now)
    alarm.set(now + 0.02)
    await rung.event.wait()
    assert len(rung) == 1
    assert rung[0] > now + 0.01


async def test_cancelled_it_does_not_ring(alarm, rung):
    alarm.set(asyncio.get_running_loop().time())
    alarm.cancel()
    assert alarm.at == math.inf
    await asyncio.sleep(0.01)
    assert rung == []


async def test_ringing_may_set_it_again(rung):
    loop = asyncio.get_running_loop()

    def ring():
        rung()
        if len(rung) < 3:
            rung.event.clear()
            alarm.set(loop.time())

    alarm = Alarm(loop, ring)
    alarm.set(loop.time())
    async with asyncio.timeout(5):
        while len(rung) < 3:
            await asyncio.sleep(0)
