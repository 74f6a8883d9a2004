"""The tests' own wire does what it says: else what it proves is nothing."""

import asyncio
import time

import pytest

from asynq._redis.client import Server
from asynq._redis.pipeline import shared
from tests.proxy import Proxy
from tests.waiting import until


@pytest.fixture
async def proxy(server, directory, url):
    async with Proxy(server, directory) as proxy:
        yield proxy


@pytest.fixture
async def pipeline(proxy):
    pipeline = shared(Server(proxy.url), timeout=5.0)
    yield pipeline
    proxy.heal()
    await pipeline.aclose()


async def test_it_passes_everything_on(pipeline, proxy):
    assert await pipeline.execute("ECHO", "x" * 100_000) == b"x" * 100_000
    assert [wire.kind for wire in proxy.wires()] == ["commands"]


async def test_a_swallowed_reply_was_carried_out(pipeline, proxy, server):
    proxy.swallow(b"INCR")
    asked = asyncio.ensure_future(pipeline.execute("INCR", "n", resend=False))
    await proxy.lost.wait()
    assert server.command("GET", "n") == b"1"
    with pytest.raises(Exception, match="lost"):
        await asked
    assert proxy.swallowed == 1


async def test_a_swallowed_reply_may_leave_the_connection_open(pipeline, proxy):
    proxy.swallow(b"INCR", cut=False)
    asked = asyncio.ensure_future(pipeline.execute("INCR", "n"))
    await proxy.lost.wait()
    assert (proxy.connections, asked.done()) == (1, False)
    proxy.heal()  # which closes it, and the pipeline asks again
    assert await asked == 2


async def test_a_half_open_connection_is_silent_and_a_new_one_is_sound(pipeline, proxy):
    await pipeline.execute("PING")
    proxy.half_open()
    asked = asyncio.ensure_future(pipeline.execute("PING"))
    await asyncio.wait([asked], timeout=0.1)
    assert not asked.done()
    proxy.cut()
    assert await asked == b"PONG"
    assert proxy.connections == 2


async def test_one_kind_of_connection_alone_is_struck(proxy, pipeline):
    fetching, other = Server(proxy.url), pipeline
    link = await fetching.connect()
    with pytest.raises(Exception, match="NOGROUP"):
        await link.ask("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
    await other.execute("PING")
    assert sorted(wire.kind for wire in proxy.wires()) == ["commands", "fetch"]
    proxy.stall("fetch")
    silent = asyncio.ensure_future(link.ask("PING"))
    assert await other.execute("PING") == b"PONG"
    assert not silent.done()
    proxy.cut("fetch")
    await until(lambda: not proxy.wires("fetch"))
    with pytest.raises(Exception, match="closed"):
        await silent
    link.close()


async def test_a_long_wire_is_slow_and_keeps_the_order(pipeline, proxy):
    proxy.slow_down(0.02, jitter=0.02, bandwidth=1e6)
    began = time.monotonic()
    values = await asyncio.gather(*(pipeline.execute("INCR", "n") for _ in range(20)))
    assert values == list(range(1, 21))
    assert time.monotonic() - began >= 0.04


@pytest.mark.both_loops
async def test_bytes_never_overtake_each_other_when_a_wire_becomes_fast_again(pipeline, proxy):
    """Else replies would go to other commands, and asynq would be blamed."""
    asked = {}
    for turn in range(300):
        proxy.slow_down(0.003, jitter=0.004) if turn % 20 < 10 else proxy.slow_down()
        asked[turn] = asyncio.ensure_future(pipeline.execute("ECHO", str(turn)))
        await asyncio.sleep(0.0005)
    told = await asyncio.gather(*asked.values())
    assert told == [str(turn).encode() for turn in asked]


async def test_who_comes_while_it_closes_leaves_nothing_behind(own_server, directory):
    async with Proxy(own_server(), directory) as proxy:
        _, writer = await asyncio.open_unix_connection(proxy.url.removeprefix("unix://"))
        await until(lambda: proxy.connections)
    # As the listener does for a connection that it had taken before it was closed.
    near, far = asyncio.StreamReader(), writer
    await asyncio.wait_for(proxy._accept(near, far), 5)
    assert proxy.connections == 1
    assert far.is_closing()
