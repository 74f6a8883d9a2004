"""Nobody waits in vain, whatever happens to the connections and to the stream of wake-ups (T41)."""

from __future__ import annotations

import asyncio

from asynq._redis.keys import Keys
from asynq.backends.redis.backend import RedisBackend
from asynq.brokers.base import StoredRecord
from tests.servers import PrivateServer

COUNT = 10_000


async def test_ten_thousand_waiters_outlive_killed_connections_and_a_trimmed_stream(
    url: str, server: PrivateServer, namespace: str
):
    backend = RedisBackend(url, namespace=namespace, options={"poll_interval": 2.0})
    worker = RedisBackend(url, namespace=namespace)
    address = backend.reply_address(waiting=True)
    ids = [f"id{number}" for number in range(COUNT)]
    waiting = [
        asyncio.ensure_future(backend.wait(id, announced=number % 2 == 0))
        for number, id in enumerate(ids)
    ]
    reply, late = Keys(namespace).reply(address), Keys(namespace).late
    for first in range(0, COUNT, 1000):
        batch = ids[first : first + 1000]
        await worker.store(
            [StoredRecord(id=id, body=b"1", ttl=60, reply_to=address) for id in batch]
        )
        for stream in (reply, late):
            server.command("XTRIM", stream, "MAXLEN", 10)
        server.command("CLIENT", "KILL", "TYPE", "normal")
    async with asyncio.timeout(15.0):
        assert await asyncio.gather(*waiting) == [b"1"] * COUNT
    await backend.aclose()
    await worker.aclose()
