from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from asynq._redis.client import Server
from asynq._redis.keys import Keys
from asynq._redis.pipeline import Pipeline, shared
from asynq.brokers.base import Settlement
from asynq.brokers.redis.delivery import Held
from asynq.brokers.redis.reaper import Reaper
from tests.brokers.redis.conftest import Connect, Looker, parcel, parcels, take
from tests.servers import ServerFactory


async def reap(reaper: Reaper, count: int) -> None:
    """Sweep until so many were brought back, no more."""
    async with asyncio.timeout(10.0):
        while count > 0:
            count -= await reaper.sweep()
            await asyncio.sleep(0.02)
    assert count == 0


MakeReaper = Callable[..., Reaper]


@pytest.fixture
async def pipe(url: str) -> AsyncIterator[Pipeline]:
    pipeline = shared(Server(url))
    yield pipeline
    await pipeline.aclose()


@pytest.fixture
def make(pipe: Pipeline, look: Looker) -> MakeReaper:
    return lambda lease=0.1: Reaper(pipe, look.keys, Held(), ["q"], lease=lease)


async def test_what_a_vanished_worker_held_comes_back_ahead_and_counted(
    connect: Connect, make: MakeReaper, look: Looker
):
    broker = connect()
    await broker.publish([parcel("low"), parcel("high", priority=9)])
    await take(broker, 2)
    await broker.publish(parcels(3))
    reaper = make()
    await asyncio.sleep(0.11)
    assert await reaper.sweep() == 0  # only suspected
    await reap(reaper, 2)
    again = await take(connect(), 5)
    assert {(one.id, one.priority, one.redeliveries) for one in again[:2]} == {
        ("id-low", 0, 1),
        ("id-high", 9, 1),
    }
    await reap(reaper, 5)
    third = await take(connect(), 5)
    assert sorted(one.redeliveries for one in third) == [1, 1, 1, 2, 2]
    assert look.pending() == look.length() == 5


async def test_what_is_renewed_in_between_is_left_alone(connect: Connect, make: MakeReaper):
    broker = connect()
    await broker.publish(parcels(10))
    running = await take(broker, 10)
    keeper = broker.lease_keeper()
    reaper = make()
    await asyncio.sleep(0.11)
    await reaper.sweep()
    keeper.renew()
    await asyncio.sleep(0.3)  # the reaper stood still for so long that it is idle once more
    assert await reaper.sweep() == 0
    assert all(await broker.settle([Settlement(delivery=one) for one in running]))
    keeper.close()


async def test_what_somebody_else_took_meanwhile_is_a_new_suspicion(
    connect: Connect, make: MakeReaper, look: Looker
):
    broker = connect()
    await broker.publish(parcels(1))
    (running,) = await take(broker, 1)
    reaper = make()
    await asyncio.sleep(0.11)
    await reaper.sweep()
    lane = look.keys.lane("q", 0)
    look.command("XCLAIM", lane, "w", "somebody", 0, running.entry, "IDLE", 500)
    await asyncio.sleep(0.08)
    assert await reaper.sweep() == 0
    await reap(reaper, 1)


async def test_our_own_is_not_reaped(connect: Connect, pipe: Pipeline, look: Looker):
    broker = connect()
    await broker.publish(parcels(1))
    await take(broker, 1)
    reaper = Reaper(pipe, look.keys, broker._held, ["q"], lease=0.01)
    for _ in range(3):
        await asyncio.sleep(0.02)
        assert await reaper.sweep() == 0


async def test_a_server_that_stood_still_takes_nothing_from_the_living(
    own_server: ServerFactory, connect: Connect, namespace: str
):
    private = own_server()
    look = Looker(private, Keys(namespace))
    lease = 0.6
    worker, other = connect(private.url, lease=lease), connect(private.url, lease=lease)
    await worker.publish(parcels(40))
    running = await take(worker, 40)
    keeper, stop = worker.lease_keeper(), threading.Event()

    def renew() -> None:
        while not stop.wait(lease / 3):
            try:
                keeper.renew()
            except Exception:
                continue

    thread = threading.Thread(target=renew)
    thread.start()
    upkeep = [asyncio.ensure_future(one.upkeep(["q"])) for one in (worker, other)]
    await asyncio.sleep(lease)
    private.pause()
    await asyncio.sleep(3 * lease)
    private.resume()
    await asyncio.sleep(2 * lease)
    stop.set()
    await asyncio.to_thread(thread.join)
    keeper.close()
    settled = await worker.settle([Settlement(delivery=one) for one in running])
    for one in upkeep:
        one.cancel()
    await asyncio.wait(upkeep)
    assert settled == [True] * 40
    assert look.length() == 0


async def test_ten_thousand_orphans_behind_ten_thousand_living_are_found_in_two_sweeps(
    connect: Connect, look: Looker, pipe: Pipeline
):
    living, dead = connect(), connect()
    for broker in (living, dead):
        await asyncio.gather(*(living.publish(parcels(100)) for _ in range(100)))
        assert len(await take(broker, 10_000, limit=1000)) == 10_000
    lease = 1.0
    reaper = Reaper(pipe, look.keys, living._held, ["q"], lease=lease)
    await asyncio.sleep(lease)
    keeper = living.lease_keeper()
    assert await reaper.sweep() == 0
    await asyncio.sleep(lease)
    assert await asyncio.to_thread(keeper.renew) == []
    assert await reaper.sweep() == 10_000
    keeper.close()
    assert look.command("XLEN", look.keys.returned("q")) == 10_000
    assert look.command("XPENDING", look.keys.lane("q", 0), "w")[0] == 10_000


async def test_consumers_of_a_thousand_restarts_are_forgotten_and_their_work_is_not(
    connect: Connect, look: Looker, pipe: Pipeline
):
    broker = connect()
    await broker.publish(parcels(1))
    await take(broker, 1)
    lane = look.keys.lane("q", 0)
    for number in range(1000):
        pipe.send((b"XGROUP", b"CREATECONSUMER", lane, b"w", f"gone-{number}"))
    await pipe.execute(b"XREADGROUP", b"GROUP", b"w", b"new", b"STREAMS", lane, b">")
    reaper = Reaper(pipe, look.keys, Held(), ["q"], lease=60.0)
    reaper.collect_after = 0.05
    await asyncio.sleep(0.06)
    await reaper.collect()
    (left,) = look.command("XINFO", "CONSUMERS", lane, "w")
    assert left[1] == broker._held.consumer
    assert look.pending() == 1


async def test_many_that_are_gone_are_deleted_in_all_lanes(
    connect: Connect, look: Looker, pipe: Pipeline, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("asynq.brokers.redis.reaper.COLLECTED", 7)
    monkeypatch.setattr("asynq.brokers.redis.reaper.LANES", 2)
    await connect().receive(["q"], limit=1, wait=0)
    lanes = look.keys.lanes("q")
    for lane in lanes:
        for number in range(10):
            pipe.send((b"XGROUP", b"CREATECONSUMER", lane, b"w", f"gone-{number}"))
    await pipe.execute(b"PING")
    reaper = Reaper(pipe, look.keys, Held(), ["q", "never-used"], lease=60.0)
    await reaper.collect()
    assert all(len(look.command("XINFO", "CONSUMERS", lane, "w")) >= 10 for lane in lanes)
    reaper.collect_after = 0.05
    await asyncio.sleep(0.06)
    await reaper.collect()
    assert all(look.command("XINFO", "CONSUMERS", lane, "w") == [] for lane in lanes)


async def test_nothing_to_sweep_is_no_error(make: MakeReaper, look: Looker):
    reaper = make()
    assert await reaper.sweep() == 0
    look.command("XADD", look.keys.lane("q", 0), "*", "i", "x")
    assert await reaper.sweep() == 0
