"""What a worker asks of the server, and of the machine, while there is nothing to do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import hiredis

from asynq import Asynq, Worker
from tests.servers import PrivateServer, ServerFactory

AFTER, WATCHED = 5.0, 12.0
"""Seconds from its start until a worker counts as idle, and for which it is watched then."""
COMMANDS_A_SECOND = 1.7


async def said_to(server: PrivateServer, seconds: float) -> list[bytes]:
    """The commands that clients send it, without what scripts call."""
    reader, writer = await asyncio.open_unix_connection(server.socket_path)
    writer.write(b"MONITOR\r\n")
    replies, said = hiredis.Reader(), []
    try:
        async with asyncio.timeout(seconds):
            while data := await reader.read(65536):
                replies.feed(data)
                while (line := replies.gets()) is not False:
                    said.append(line)
    except TimeoutError:
        pass
    finally:
        writer.close()
        await writer.wait_closed()
    return [line for line in said[1:] if b" lua] " not in line.partition(b'"')[0]]


async def idle(private: PrivateServer, namespace: str, queues: Sequence[str]) -> list[bytes]:
    """What a worker of these queues says in `WATCHED` seconds with nothing to do."""
    app = Asynq(namespace, broker=private.url, backend=private.url)
    async with app, Worker(app, queues=queues):
        await asyncio.sleep(AFTER)  # what it says when it starts is another matter
        return await said_to(private, WATCHED)


async def test_an_idle_worker_says_little_and_more_queues_cost_little_more(
    own_server: ServerFactory, namespace: str
):
    many = [f"queue-{number}" for number in range(10)]
    one, ten = await asyncio.gather(
        idle(own_server(), namespace, ["default"]), idle(own_server(), namespace, many)
    )
    assert 0 < len(one) <= COMMANDS_A_SECOND * WATCHED, one
    assert 0 < len(ten) <= 1.5 * COMMANDS_A_SECOND * WATCHED, ten
