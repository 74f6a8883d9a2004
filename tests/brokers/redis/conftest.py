"""Brokers on a server of the tests' own, straight and through a wire that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from asynq._redis.keys import GROUP, Keys
from asynq.brokers.base import Delivery, Parcel
from asynq.brokers.redis.broker import RedisBroker
from tests.proxy import Proxy
from tests.servers import PrivateServer

Connect: TypeAlias = Callable[..., RedisBroker]


class Looker:
    """Looks into the server beside the broker."""

    def __init__(self, server: PrivateServer, keys: Keys) -> None:
        self.server = server
        self.keys = keys

    def command(self, *words: str | bytes | int | float) -> Any:
        return self.server.command(*words)

    def length(self, queue: str = "q") -> int:
        """Messages in the queue's lanes, delivered or not."""
        return sum(self.command("XLEN", lane) for lane in self.keys.lanes(queue))

    def pending(self, queue: str = "q") -> int:
        return sum(self.command("XPENDING", lane, GROUP)[0] for lane in self.keys.lanes(queue))

    def entries(self, stream: bytes) -> list[dict[bytes, bytes]]:
        found = self.command("XRANGE", stream, "-", "+")
        return [dict(zip(fields[::2], fields[1::2], strict=True)) for _, fields in found]

    def clients(self) -> int:
        return int(self.command("CLIENT", "LIST").count(b"name=asynq"))


@pytest.fixture
async def connect(url: str, namespace: str) -> AsyncIterator[Connect]:
    """Makes brokers; they are closed at the test's end."""
    made: list[RedisBroker] = []

    def connect(where: str = "", **options: Any) -> RedisBroker:
        broker = RedisBroker(where or url, namespace=namespace, **{"lease": 0.5, **options})
        made.append(broker)
        return broker

    yield connect
    for broker in made:
        await broker.aclose()


@pytest.fixture
def broker(connect: Connect) -> RedisBroker:
    return connect()


@pytest.fixture
def look(server: PrivateServer, url: str, namespace: str) -> Looker:
    return Looker(server, Keys(namespace))


@pytest.fixture
async def proxy(server: PrivateServer, url: str, directory: Path) -> AsyncIterator[Proxy]:
    async with Proxy(server, directory) as proxy:
        yield proxy


def parcel(number: int | str = 0, **options: Any) -> Parcel:
    return Parcel(**{"id": f"id-{number}", "queue": "q", "body": b"{}", **options})


def parcels(count: int, **options: Any) -> list[Parcel]:
    return [parcel(number, **options) for number in range(count)]


async def take(broker: RedisBroker, count: int, *, limit: int = 100) -> list[Delivery]:
    """Receive until there are so many, or nothing comes any more."""
    taken: list[Delivery] = []
    while len(taken) < count:
        batch: Sequence[Delivery] = await broker.receive(["q"], limit=limit, wait=5.0)
        if not batch:
            break
        taken += batch
    return taken
