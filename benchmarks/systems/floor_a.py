"""Floor A: the same work with no framework at all, on redis-py's pipelines of 100.

- One stream and a consumer group, XREADGROUP of 100, msgpack, one coroutine task a message, a
  semaphore's worth of slots.
- What has ended is settled by the hundred: XACK and XDEL of all of them, for each a SET with a TTL
  and an XADD to a stream of replies, which the caller reads.
- Calls made while another one is on its way go in the next pipeline; one that is alone is one XADD.
  Where many are made at once, they are pipelines of 100, twenty at a time.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import msgspec
import redis.asyncio as redis
import uvloop

from benchmarks import tally

BATCH = 100
SPREAD = 20
"""Pipelines in flight at a time."""
DAY = 86_400_000
QUEUE, REPLIES, GROUP = "floor", "replies", "workers"

encode, decode = msgspec.msgpack.encode, msgspec.msgpack.decode


def _client() -> redis.Redis:
    return redis.Redis.from_url(os.environ["BENCH_URL"], protocol=2, socket_timeout=None)


def noop(number: int) -> None:
    tally.count()


async def anoop(number: int) -> None:
    tally.count()


async def nap(number: int) -> None:
    await asyncio.sleep(0.05)
    tally.count()


class Producer:
    """Calls without a framework."""

    async def open(self) -> None:
        self._client, self._listener = _client(), _client()
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._unsent: list[tuple[dict[str, bytes], asyncio.Future[None]]] = []
        self._is_sending = False
        last = await self._client.xrevrange(REPLIES, count=1)
        self._listening = asyncio.create_task(self._listen(last[0][0] if last else "0-0"))

    async def close(self) -> None:
        self._listening.cancel()
        await asyncio.wait([self._listening])
        await self._listener.aclose()
        await self._client.aclose()

    async def send(self, task: str, number: int) -> asyncio.Future[bytes]:
        message = _message(task, number)
        reply = self._waiting[message["id"]] = asyncio.get_running_loop().create_future()
        if self._is_sending:
            sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._unsent.append((message, sent))
            await sent
            return reply
        self._is_sending = True
        await self._client.xadd(QUEUE, message)
        self._flushing = asyncio.create_task(self._flush()) if self._unsent else None
        self._is_sending = bool(self._unsent)
        return reply

    async def wait(self, handle: asyncio.Future[bytes]) -> None:
        decode(await handle)

    async def send_many(self, task: str, numbers: range) -> None:
        messages = [_message(task, number) for number in numbers]
        parts = [messages[at : at + BATCH] for at in range(0, len(messages), BATCH)]
        for at in range(0, len(parts), SPREAD):
            await asyncio.gather(*map(self._pipeline, parts[at : at + SPREAD]))

    async def _flush(self) -> None:
        while self._unsent:
            batch, self._unsent = self._unsent[:BATCH], self._unsent[BATCH:]
            await self._pipeline([message for message, _ in batch])
            for _, sent in batch:
                sent.set_result(None)
        self._is_sending = False

    async def _pipeline(self, messages: list[dict[str, bytes]]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for message in messages:
            pipeline.xadd(QUEUE, message)
        await pipeline.execute()

    async def _listen(self, last: str | bytes) -> None:
        while True:
            [[_, entries]] = await self._listener.xread({REPLIES: last}, block=0)
            last = entries[-1][0]
            for _, reply in entries:
                waiting = self._waiting.pop(reply[b"id"], None)
                if waiting is not None:
                    waiting.set_result(reply[b"r"])


def _message(task: str, number: int) -> dict[str, bytes]:
    return {"id": uuid4().hex.encode(), "m": encode([task, number])}


class Worker:
    """Reads, runs and settles, each at its own pace."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._running = 0
        self._ended: list[tuple[bytes, bytes, bytes]] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(slots)

    async def run(self) -> None:
        """Until it is killed."""
        client = _client()
        with suppress(redis.ResponseError):  # another process has made it
            await client.xgroup_create(QUEUE, GROUP, id="0", mkstream=True)
        await asyncio.gather(self._read(client), self._settle(_client()))

    async def _read(self, client: redis.Redis) -> None:
        me = uuid4().hex
        while True:
            room = min(BATCH, self._slots - self._running)
            if not room or len(self._ended) > BATCH:
                self._room.clear()
                await self._room.wait()
                continue
            replies = await client.xreadgroup(GROUP, me, {QUEUE: ">"}, count=room, block=5000)
            for _, entries in replies:
                self._running += len(entries)
                for entry, fields in entries:
                    task = asyncio.create_task(self._run(entry, fields[b"id"], fields[b"m"]))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def _run(self, entry: bytes, id: bytes, body: bytes) -> None:
        name, number = decode(body)
        if name == "work":
            loop = asyncio.get_running_loop()
            value = await loop.run_in_executor(self._threads, noop, number)
        else:
            value = await (anoop if name == "noop" else nap)(number)
        self._running -= 1
        self._ended.append((entry, id, encode(value)))
        self._news.set()
        self._room.set()

    async def _settle(self, client: redis.Redis) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._ended:
                batch, self._ended = self._ended[:BATCH], self._ended[BATCH:]
                self._room.set()
                pipeline = client.pipeline(transaction=False)
                entries = [entry for entry, _, _ in batch]
                pipeline.xack(QUEUE, GROUP, *entries)
                pipeline.xdel(QUEUE, *entries)
                for _, id, result in batch:
                    pipeline.set(b"result:" + id, result, px=DAY)
                    reply = {"id": id, "r": result}
                    pipeline.xadd(REPLIES, reply, maxlen=10_000, approximate=True)
                await pipeline.execute()


async def work() -> None:
    """Serve with the slots that the environment says."""
    await Worker(int(os.environ["BENCH_SLOTS"])).run()


producer = Producer()

if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())
