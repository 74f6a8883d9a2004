"""The floor: the same work with no framework at all, on redis-py's pipelines.

One stream, batches of 100, msgpack, one coroutine task a message; a batch is acknowledged and
deleted at once, and each of its tasks gets a SET with a TTL and a reply: what any queue with these
guarantees must at least do.
"""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import msgspec
import redis.asyncio as redis

BATCH = 100
SPREAD = 20
"""Pipelines in flight at once where calls are concurrent."""


async def enqueue_one_by_one(url: str, count: int) -> float:
    """Calls a second, each awaited before the next."""
    client = redis.Redis.from_url(url, protocol=2)
    await client.ping()
    began = time.perf_counter()
    for number in range(count):
        await client.xadd("floor", _message(number))
    took = time.perf_counter() - began
    await client.delete("floor")
    await client.aclose()
    return count / took


async def enqueue_concurrently(url: str, count: int) -> float:
    """Calls a second in pipelines of 100."""
    client = redis.Redis.from_url(url, protocol=2)
    await client.ping()
    began = time.perf_counter()
    await _fill(client, count)
    took = time.perf_counter() - began
    await client.delete("floor")
    await client.aclose()
    return count / took


async def drain(url: str, count: int) -> float:
    """Tasks a second, from a full stream to results stored."""
    client = redis.Redis.from_url(url, protocol=2)
    await _fill(client, count)
    await client.xgroup_create("floor", "w", id="0")
    began = time.perf_counter()
    done = 0
    settling: asyncio.Task[None] | None = None
    while done < count:
        reply = await client.xreadgroup("w", "me", {"floor": ">"}, count=BATCH)
        entries = reply[0][1]
        tasks = [asyncio.create_task(_run(fields[b"m"])) for _, fields in entries]
        results = [await task for task in tasks]
        if settling is not None:
            await settling
        settling = asyncio.create_task(_settle(client, entries, results))
        done += len(entries)
    if settling is not None:
        await settling
    took = time.perf_counter() - began
    await client.flushdb()
    await client.aclose()
    return count / took


async def round_trips(url: str, count: int) -> list[float]:
    """Seconds from sending to having the result, one at a time, with an idle worker."""
    client, worker = (redis.Redis.from_url(url, protocol=2, socket_timeout=None) for _ in "ab")
    settler = redis.Redis.from_url(url, protocol=2)
    await client.xgroup_create("floor", "w", id="0", mkstream=True)

    stop = asyncio.Event()  # not a cancellation, which redis-py may swallow

    async def work() -> None:
        while not stop.is_set():
            reply = await worker.xreadgroup("w", "me", {"floor": ">"}, count=BATCH, block=100)
            for _, entries in reply:
                results = [await asyncio.create_task(_run(fields[b"m"])) for _, fields in entries]
                await _settle(settler, entries, results)

    working = asyncio.create_task(work())
    last: str | bytes = "0-0"
    seconds = []
    for number in range(count):
        began = time.perf_counter()
        await client.xadd("floor", _message(number))
        reply = await client.xread({"reply": last}, block=5000)
        last = reply[0][1][-1][0]
        seconds.append(time.perf_counter() - began)
    stop.set()
    await working
    await client.flushdb()
    for connection in (client, worker, settler):
        await connection.aclose()
    return seconds


def _message(number: int) -> dict[str, bytes | str]:
    return {"id": str(uuid4()), "m": msgspec.msgpack.encode(["bench.noop", number])}


async def _fill(client: redis.Redis, count: int) -> None:
    async def part(numbers: range) -> None:
        pipeline = client.pipeline(transaction=False)
        for number in numbers:
            pipeline.xadd("floor", _message(number))
        await pipeline.execute()

    parts = [range(at, min(at + BATCH, count)) for at in range(0, count, BATCH)]
    for at in range(0, len(parts), SPREAD):
        await asyncio.gather(*map(part, parts[at : at + SPREAD]))


async def _run(body: bytes) -> bytes:
    msgspec.msgpack.decode(body)
    return msgspec.msgpack.encode(None)


async def _settle(client: redis.Redis, entries: list, results: list[bytes]) -> None:
    pipeline = client.pipeline(transaction=False)
    done = [entry for entry, _ in entries]
    pipeline.xack("floor", "w", *done)
    pipeline.xdel("floor", *done)
    for (_, fields), result in zip(entries, results, strict=True):
        pipeline.set(b"res:" + fields[b"id"], result, px=86_400_000)
        pipeline.xadd("reply", {"i": fields[b"id"]}, maxlen=10_000, approximate=True)
    await pipeline.execute()
