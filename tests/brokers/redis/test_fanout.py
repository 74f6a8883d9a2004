from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asynq._redis.keys import Keys
from asynq.brokers.redis.broker import RedisBroker
from asynq.exceptions import OperationalError
from tests.brokers.redis.conftest import Connect, Looker
from tests.proxy import Proxy
from tests.servers import ServerFactory
from tests.waiting import until


async def hear(listener: AsyncIterator[bytes | None], count: int = 1) -> list[bytes | None]:
    async with asyncio.timeout(15.0):
        return [await anext(listener) for _ in range(count)]


async def blocked(look: Looker) -> None:
    await until(lambda: b"blocked_clients:1" in look.command("INFO", "clients"))


async def test_a_broken_connection_misses_nothing(
    broker: RedisBroker, connect: Connect, look: Looker
):
    speaker = connect().fanout()
    async with broker.fanout().subscribe("control") as listener:
        await speaker.publish("control", b"first")
        assert await hear(listener) == [b"first"]
        for number in range(5):
            waiting = asyncio.ensure_future(hear(listener, 2))
            await blocked(look)
            look.command("CLIENT", "KILL", "TYPE", "normal")
            await speaker.publish("control", b"a%d" % number)
            await speaker.publish("control", b"b%d" % number)
            assert await waiting == [b"a%d" % number, b"b%d" % number]


async def test_what_was_sent_twice_is_heard_once(connect: Connect, proxy: Proxy):
    speaker = connect(proxy.url).fanout()
    async with connect().fanout().subscribe("control") as listener:
        await speaker.publish("control", b"first")
        proxy.swallow(b"EVALSHA")
        await speaker.publish("control", b"second")
        await speaker.publish("control", b"third")
        assert proxy.swallowed == 1
        assert await hear(listener, 3) == [b"first", b"second", b"third"]


async def test_a_server_that_lost_the_stream_may_have_lost_something(
    broker: RedisBroker, connect: Connect, look: Looker
):
    speaker = connect().fanout()
    async with broker.fanout().subscribe("control") as listener:
        await speaker.publish("control", b"before")
        assert await hear(listener) == [b"before"]
        await speaker.publish("control", b"lost")
        look.command("FLUSHALL")
        await speaker.publish("control", b"after")
        assert await hear(listener, 2) == [None, b"after"]
        await speaker.publish("control", b"last")
        assert await hear(listener) == [b"last"]


async def test_a_stream_that_lost_only_its_end_is_not_heard_twice(
    broker: RedisBroker, connect: Connect, look: Looker
):
    speaker = connect().fanout()
    async with broker.fanout().subscribe("control") as listener:
        for body in (b"1", b"2", b"3"):
            await speaker.publish("control", body)
        assert await hear(listener, 3) == [b"1", b"2", b"3"]
        stream = look.keys.said("control")
        ((last, _),) = look.command("XREVRANGE", stream, "+", "-", "COUNT", 1)
        look.command("XDEL", stream, last)
        await speaker.publish("control", b"4")
        assert await hear(listener, 2) == [None, b"4"]


async def test_a_server_that_comes_back_empty_is_listened_to_again(
    own_server: ServerFactory, connect: Connect
):
    private = own_server()
    broker, speaker = connect(private.url), connect(private.url).fanout()
    async with broker.fanout().subscribe("control") as listener:
        await speaker.publish("control", b"before")
        assert await hear(listener) == [b"before"]
        waiting = asyncio.ensure_future(hear(listener, 2))
        private.kill()
        private.start()
        await speaker.publish("control", b"after")
        assert await waiting == [None, b"after"]


async def test_who_begins_to_listen_while_the_server_is_away_is_told(
    own_server: ServerFactory, connect: Connect
):
    private = own_server()
    private.kill()
    broker = connect(private.url, publish_timeout=10.0)
    async with broker.fanout().subscribe("control") as listener:
        private.start()
        assert await hear(listener) == [None]
        await broker.fanout().publish("control", b"now")
        assert await hear(listener) == [b"now"]


async def test_speaking_to_nobody_there_is_an_error(connect: Connect, directory: Path):
    broker = connect(f"unix://{directory}/nobody", publish_timeout=0.2)
    with pytest.raises(OperationalError, match="No such file"):
        await broker.fanout().publish("control", b"a")


async def test_a_broker_that_is_closed_ends_its_listeners(broker: RedisBroker, look: Looker):
    async with broker.fanout().subscribe("control") as listener:
        waiting = asyncio.ensure_future(hear(listener))
        await blocked(look)
        await broker.aclose()
        with pytest.raises(OperationalError):
            await waiting
        with pytest.raises(OperationalError, match="closed"):
            await broker.fanout().publish("control", b"a")


async def test_who_has_listened_leaves_no_connection(broker: RedisBroker, look: Looker):
    for _ in range(3):
        async with broker.fanout().subscribe("control"):
            pass
    await until(lambda: look.clients() == 0)


async def test_the_stream_is_short_and_has_an_end(broker: RedisBroker, look: Looker):
    for number in range(1500):
        await broker.fanout().publish("control", b"%d" % number)
    stream = look.keys.said("control")
    assert 1000 <= look.command("XLEN", stream) <= 1200
    assert 0 < look.command("TTL", stream) <= 3600


async def test_a_full_server_is_still_spoken_through(
    own_server: ServerFactory, connect: Connect, namespace: str
):
    private = own_server()
    look = Looker(private, Keys(namespace))
    broker = connect(private.url)
    async with broker.fanout().subscribe("control") as listener:
        private.command("CONFIG", "SET", "maxmemory", "1")
        await broker.fanout().publish("control", b"stop")
        assert await hear(listener) == [b"stop"]
    assert look.command("XLEN", look.keys.said("control")) == 1
