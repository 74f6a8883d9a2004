from __future__ import annotations

import threading
import time

import pytest

from asynq.brokers.base import Settlement
from asynq.brokers.redis.broker import RedisBroker
from asynq.exceptions import OperationalError
from tests.brokers.redis.conftest import Connect, Looker, parcels, take
from tests.servers import ServerFactory


def idle_times(look: Looker) -> list[int]:
    found = look.command("XPENDING", look.keys.lane("q", 0), "w", "-", "+", 10_000)
    return [idle for _, _, idle, _ in found]


async def test_renewing_makes_every_delivery_young_again(broker: RedisBroker, look: Looker):
    await broker.publish(parcels(1100))
    await take(broker, 1100)
    keeper = broker.lease_keeper()
    threading.Event().wait(0.1)
    assert min(idle_times(look)) >= 90
    before = time.monotonic()
    assert keeper.renew() == []
    assert max(idle_times(look)) < (time.monotonic() - before) * 1000 + 10
    keeper.close()


async def test_renewing_counts_as_no_delivery(broker: RedisBroker, look: Looker):
    await broker.publish(parcels(1))
    await take(broker, 1)
    keeper = broker.lease_keeper()
    keeper.renew()
    ((_, _, _, count),) = look.command("XPENDING", look.keys.lane("q", 0), "w", "-", "+", 10)
    assert count == 1
    keeper.close()


async def test_what_was_taken_from_us_is_lost_once(
    broker: RedisBroker, look: Looker, connect: Connect
):
    await broker.publish(parcels(3))
    first, second, third = await take(broker, 3)
    lane = look.keys.lane("q", 0)
    look.command("XACK", lane, "w", first.entry)
    look.command("XCLAIM", lane, "w", "somebody", 0, second.entry)
    keeper = broker.lease_keeper()
    assert set(keeper.renew()) == {first, second}
    assert keeper.renew() == []
    settled = await broker.settle([Settlement(delivery=third)])
    assert settled == [True]
    keeper.close()


async def test_what_is_being_settled_is_not_lost(broker: RedisBroker, look: Looker):
    await broker.publish(parcels(2))
    running, ending = await take(broker, 2)
    keeper = broker.lease_keeper()
    look.command("XACK", look.keys.lane("q", 0), "w", ending.entry)
    broker._held.ending.add(ending)
    assert keeper.renew() == []
    await broker.settle([Settlement(delivery=running)])
    assert keeper.renew() == []
    keeper.close()


async def test_nothing_held_asks_nothing(broker: RedisBroker, look: Looker):
    keeper = broker.lease_keeper()
    assert not keeper.renew()
    assert look.clients() == 0
    keeper.close()


async def test_a_server_that_lost_its_data_has_lost_everything(broker: RedisBroker, look: Looker):
    await broker.publish(parcels(2))
    running = await take(broker, 2)
    look.command("FLUSHALL")
    keeper = broker.lease_keeper()
    assert set(keeper.renew()) == set(running)
    keeper.close()


async def test_a_server_that_is_away_is_said_and_found_again(
    own_server: ServerFactory, connect: Connect
):
    private = own_server(durable=True)
    broker = connect(private.url)
    await broker.publish(parcels(1))
    await take(broker, 1)
    keeper = broker.lease_keeper()
    private.kill()
    for _ in range(2):
        with pytest.raises(OperationalError, match="can't reach"):
            keeper.renew()
    private.start()
    assert keeper.renew() == []
    keeper.close()
