"""Periodic tasks on the server, beside what the contract says: lost replies, a full server."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from asynq._redis.keys import Keys
from asynq._redis.scripts import Script
from asynq.brokers.base import Workflow
from asynq.brokers.redis.broker import RedisBroker
from asynq.brokers.redis.scripts import CHANGE, DECLARE, FIRE, LOOK
from asynq.brokers.schedules import Declared, Entry, Firing
from asynq.exceptions import BrokerFull
from tests.brokers.redis.conftest import Connect, Looker, parcel
from tests.proxy import Proxy
from tests.servers import ServerFactory

DAILY = Declared("daily", b"at noon")


async def an_entry(broker: RedisBroker) -> Entry:
    await broker.schedules().add("a", DAILY)
    while True:
        look = await broker.schedules().look()
        [entry] = look.entries or ()
        if look.now > entry.last:
            return entry


def firing(entry: Entry, **more: Any) -> Firing:
    return Firing(
        name=entry.name,
        revision=entry.revision,
        last=entry.last,
        slot=entry.last + 1,
        id="x",
        begin=[parcel("x")],
        **more,
    )


async def test_a_firing_whose_reply_is_lost_is_not_repeated(
    proxy: Proxy, connect: Connect, look: Looker
):
    broker = connect(proxy.url)
    entry = await an_entry(broker)
    early = replace(firing(entry), slot=entry.last)
    assert (await broker.schedules().fire(early)).verdict == "moved"  # the server knows the script
    proxy.swallow(FIRE.digest)
    fired = await broker.schedules().fire(firing(entry))
    assert proxy.swallowed == 1
    assert (fired.verdict, fired.last) == ("known", entry.last + 1)
    assert look.length() == 1
    assert look.command("HGET", look.keys.schedule("a"), "n") == b"1"


@pytest.mark.parametrize("script", [LOOK, DECLARE, CHANGE], ids=lambda script: script.name)
async def test_whatever_is_sent_again_after_a_lost_reply_changes_nothing_more(
    proxy: Proxy, connect: Connect, look: Looker, script: Script
):
    broker = connect(proxy.url)
    schedules = broker.schedules()
    await schedules.declare("shop", {"b": DAILY})
    await schedules.look()
    await schedules.remove("none")
    proxy.swallow(script.digest)
    await schedules.look(token="t", lease=60)
    await schedules.declare("shop", {"b": DAILY, "c": DAILY})
    assert await schedules.add("a", DAILY)
    assert proxy.swallowed == 1
    told = await schedules.look(token="t", lease=60)
    assert told.leads
    assert {entry.name for entry in told.entries or ()} == {"a", "b", "c"}
    assert told.version.partition("-")[2] == "3"


async def test_a_full_server_refuses_a_firing_and_every_change_and_keeps_what_it_had(
    own_server: ServerFactory, connect: Connect, namespace: str
):
    private = own_server()
    look = Looker(private, Keys(namespace))
    broker = connect(private.url)
    schedules = broker.schedules()
    entry = await an_entry(broker)
    before = await schedules.look()
    private.command("CONFIG", "SET", "maxmemory", "1")
    workflow = Workflow(id="flow", notes={"n": b"1"}, ttl=60, kept=60)
    for refused in (
        schedules.fire(firing(entry)),
        schedules.fire(firing(entry, workflow=workflow)),
        schedules.declare("shop", {"b": DAILY}),
        schedules.add("c", DAILY),
        schedules.pause("a", paused=True),
        schedules.remove("a"),
    ):
        with pytest.raises(BrokerFull):
            await refused
    private.command("CONFIG", "SET", "maxmemory", "0")
    after = await schedules.look()
    assert (after.version, after.entries) == (before.version, before.entries)
    assert look.length() == 0
    assert private.command("EXISTS", look.keys.workflow("flow")) == 0
    assert (await schedules.fire(firing(entry))).verdict == "fired"


async def test_a_look_tells_the_servers_time(broker: RedisBroker, look: Looker):
    told = await broker.schedules().look()
    seconds, microseconds = map(int, look.command("TIME"))
    assert 0 <= seconds * 1000 + microseconds // 1000 - told.now < 1000
    assert abs(broker.now() - seconds) < 2


async def test_a_removed_entry_leaves_nothing_behind(broker: RedisBroker, look: Looker):
    schedules = broker.schedules()
    await schedules.add("a", DAILY)
    await schedules.remove("a")
    keys = look.keys
    assert look.command("EXISTS", keys.schedules, keys.schedule("a"), keys.schedule_lease) == 0
