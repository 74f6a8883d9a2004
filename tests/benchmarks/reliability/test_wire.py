"""The wire that loses one reply."""

import asyncio

import redis.asyncio as redis

from benchmarks.reliability.wire import Wire


async def test_what_was_done_is_done_though_the_reply_is_lost(own_server):
    server = own_server(tcp=True)
    lost = asyncio.Event()
    async with Wire(server.port) as wire, redis.Redis.from_url(wire.url, protocol=2) as client:
        await client.set("before", 1)
        wire.lose_reply(b"INCR", lost.set)
        waiting = asyncio.ensure_future(client.incr("count"))
        await asyncio.wait_for(lost.wait(), 5)
        waiting.cancel()
        await asyncio.wait([waiting])
    assert server.command("GET", "count") == b"1"


async def test_other_requests_are_answered(own_server):
    server = own_server(tcp=True)
    lost = asyncio.Event()
    async with Wire(server.port) as wire, redis.Redis.from_url(wire.url, protocol=2) as client:
        wire.lose_reply(b"INCR", lost.set)
        assert await client.set("key", b"value")
        assert await client.get("key") == b"value"
    assert not lost.is_set()
