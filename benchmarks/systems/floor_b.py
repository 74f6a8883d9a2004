"""Floor B: floor A without redis-py, on a bare `asyncio.Protocol` and hiredis's parser.

- Commands are packed by hand, and all that is to be said in one turn of the event loop is written
  at once; otherwise it sends the server the same commands as floor A.
- Ids are a random head and a number, results and arguments are written by msgpack.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import hiredis
import msgspec
import uvloop

from benchmarks import tally

BATCH = 100
DAY = b"86400000"

encode, decode = msgspec.msgpack.encode, msgspec.msgpack.decode
pack = hiredis.pack_command


class Connection(asyncio.Protocol):
    """Writes bytes, and resolves a future when as many replies have come as were asked for."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._asked: deque[tuple[int, list[Any], asyncio.Future[list[Any]]]] = deque()

    @classmethod
    async def open(cls) -> Connection:
        place = urlsplit(os.environ["BENCH_URL"])
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, place.hostname, place.port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self, commands: bytes, replies: int = 1) -> asyncio.Future[list[Any]]:
        answer = asyncio.get_running_loop().create_future()
        self._asked.append((replies, [], answer))
        self._transport.write(commands)
        return answer

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            wanted, found, answer = self._asked[0]
            found.append(reply)
            if len(found) == wanted:
                self._asked.popleft()
                answer.set_result(found)

    def close(self) -> None:
        self._transport.close()


class Producer:
    """Calls without a framework and without a client library."""

    async def open(self) -> None:
        self._connection, self._listener = await Connection.open(), await Connection.open()
        self._head, self._count = uuid4().hex[:16].encode(), 0
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._unsent: list[bytes] = []
        [last] = await self._connection.ask(pack(("XREVRANGE", "replies", "+", "-", "COUNT", "1")))
        self._listening = asyncio.create_task(self._listen(last[0][0] if last else b"0-0"))

    async def close(self) -> None:
        self._listening.cancel()
        await asyncio.wait([self._listening])
        self._listener.close()
        self._connection.close()

    async def send(self, task: str, number: int) -> asyncio.Future[bytes]:
        id, command = self._command(task, number)
        reply = self._waiting[id] = asyncio.get_running_loop().create_future()
        await self._connection.ask(command)
        return reply

    async def wait(self, handle: asyncio.Future[bytes]) -> None:
        decode(await handle)

    async def send_many(self, task: str, numbers: range) -> None:
        parts = [numbers[at : at + BATCH] for at in range(0, len(numbers), BATCH)]
        answers = []
        for part in parts:
            commands = b"".join([self._command(task, number)[1] for number in part])
            answers.append(self._connection.ask(commands, len(part)))
        await asyncio.gather(*answers)

    def _command(self, task: str, number: int) -> tuple[bytes, bytes]:
        self._count += 1
        id, body = b"%b%016x" % (self._head, self._count), encode([task, number])
        return id, (
            b"*7\r\n$4\r\nXADD\r\n$5\r\nfloor\r\n$1\r\n*\r\n$2\r\nid\r\n$32\r\n%b\r\n"
            b"$1\r\nm\r\n$%d\r\n%b\r\n" % (id, len(body), body)
        )

    async def _listen(self, last: bytes) -> None:
        while True:
            ask = ("XREAD", "BLOCK", "0", "STREAMS", "replies", last)
            [[[_, entries]]] = await self._listener.ask(pack(ask))
            last = entries[-1][0]
            for _, (_, id, _, value) in entries:
                waiting = self._waiting.pop(id, None)
                if waiting is not None:
                    waiting.set_result(value)


class Worker:
    """Reads, runs and settles, each at its own pace."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._running = 0
        self._ended: list[tuple[bytes, bytes, bytes]] = []
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(slots)

    async def run(self) -> None:
        reader, settler = await Connection.open(), await Connection.open()
        await settler.ask(pack(("XGROUP", "CREATE", "floor", "workers", "0", "MKSTREAM")))
        await asyncio.gather(self._read(reader), self._settle(settler))

    async def _read(self, connection: Connection) -> None:
        me = uuid4().hex
        while True:
            room = min(BATCH, self._slots - self._running)
            if not room or len(self._ended) > BATCH:
                self._room.clear()
                await self._room.wait()
                continue
            words = ("COUNT", str(room), "BLOCK", "5000", "STREAMS", "floor", ">")
            ask = pack(("XREADGROUP", "GROUP", "workers", me, *words))
            [replies] = await connection.ask(ask)
            for _, entries in replies or ():
                self._running += len(entries)
                for entry, (_, id, _, body) in entries:
                    task = asyncio.create_task(self._run(entry, id, body))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def _run(self, entry: bytes, id: bytes, body: bytes) -> None:
        name, number = decode(body)
        if name == "work":
            loop = asyncio.get_running_loop()
            value = await loop.run_in_executor(self._threads, _noop, number)
        else:
            value = await (noop if name == "noop" else nap)(number)
        self._running -= 1
        self._ended.append((entry, id, encode(value)))
        self._news.set()
        self._room.set()

    async def _settle(self, connection: Connection) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._ended:
                batch, self._ended = self._ended[:BATCH], self._ended[BATCH:]
                self._room.set()
                await connection.ask(_settlement(batch), 2 + 2 * len(batch))


def _settlement(batch: Sequence[tuple[bytes, bytes, bytes]]) -> bytes:
    entries = [entry for entry, _, _ in batch]
    return b"".join(
        [
            pack(("XACK", "floor", "workers", *entries)),
            pack(("XDEL", "floor", *entries)),
            *[_result(id, value) for _, id, value in batch],
        ]
    )


def _result(id: bytes, value: bytes) -> bytes:
    size = len(value)
    return (
        b"*5\r\n$3\r\nSET\r\n$39\r\nresult:%b\r\n$%d\r\n%b\r\n$2\r\nPX\r\n$8\r\n%b\r\n"
        b"*10\r\n$4\r\nXADD\r\n$7\r\nreplies\r\n$6\r\nMAXLEN\r\n$1\r\n~\r\n$5\r\n10000\r\n$1\r\n*\r\n"
        b"$2\r\nid\r\n$32\r\n%b\r\n$1\r\nr\r\n$%d\r\n%b\r\n"
    ) % (id, size, value, DAY, id, size, value)


async def noop(number: int) -> None:
    tally.count()


async def nap(number: int) -> None:
    await asyncio.sleep(0.05)
    tally.count()


def _noop(number: int) -> None:
    tally.count()


async def work() -> None:
    """Serve with the slots that the environment says."""
    await Worker(int(os.environ["BENCH_SLOTS"])).run()


producer = Producer()

if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())
