from __future__ import annotations

import asyncio
import threading

import pytest

from asynq._memory.fanout import KEPT, Ear, MemoryFanout
from asynq._memory.space import Space
from asynq.exceptions import OperationalError


@pytest.fixture
def space() -> Space:
    return Space()


async def test_a_listener_in_another_thread_hears_it(space: Space):
    fanout = MemoryFanout(space.channels)
    listening = threading.Event()
    heard: list[bytes | None] = []

    async def listen() -> None:
        async with MemoryFanout(space.channels).subscribe("c") as listener:
            listening.set()
            heard.append(await anext(listener))

    thread = threading.Thread(target=lambda: asyncio.run(listen()))
    thread.start()
    await asyncio.to_thread(listening.wait)
    await fanout.publish("c", b"a")
    await asyncio.to_thread(thread.join)
    assert heard == [b"a"]


async def test_a_slow_listener_keeps_the_last_and_is_told_once():
    ear = Ear()
    for number in range(3 * KEPT):
        ear.hear(b"%d" % number)
    heard = [await anext(ear) for _ in range(KEPT + 1)]
    assert heard == [None, *(b"%d" % number for number in range(2 * KEPT, 3 * KEPT))]


async def test_who_has_listened_is_forgotten(space: Space):
    async with MemoryFanout(space.channels).subscribe("c"):
        pass
    assert not space.channels._ears


async def test_a_broker_that_is_closed_ends_its_listeners_and_no_others(space: Space):
    closing, staying = MemoryFanout(space.channels), MemoryFanout(space.channels)
    async with closing.subscribe("c") as ended, staying.subscribe("c") as listener:
        waiting = asyncio.ensure_future(anext(ended))
        await asyncio.sleep(0)
        closing.close()
        with pytest.raises(OperationalError, match="closed"):
            await waiting
        await staying.publish("c", b"a")
        assert await anext(listener) == b"a"
    with pytest.raises(OperationalError, match="closed"):
        await closing.publish("c", b"a")
