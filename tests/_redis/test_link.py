from __future__ import annotations

import asyncio
from typing import Any

import pytest

from asynq._redis.client import Server
from asynq._redis.command import pack
from asynq._redis.errors import Refused
from asynq._redis.link import Link
from tests.servers import ServerFactory


class Ear:
    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.full = asyncio.Event()

    def answer(self, reply: Any) -> None:
        self.heard.append(reply)
        if len(self.heard) == 3:
            self.full.set()


@pytest.mark.both_loops
async def test_replies_come_in_the_order_of_the_commands(url: str):
    link = await Server(url).connect()
    ear = Ear()
    link.write(pack((b"ECHO", 1)) + pack((b"NOSUCH",)) + pack((b"ECHO", 3)), [ear, ear, ear])
    await ear.full.wait()
    first, second, third = ear.heard
    assert (first, third) == (b"1", b"3")
    assert isinstance(second, Refused)
    assert second.kind == "ERR"
    assert not link.waiting
    link.close()


@pytest.mark.both_loops
@pytest.mark.parametrize("tcp", [True, False])
async def test_a_loss_is_told_once_with_who_waited(own_server: ServerFactory, tcp: bool):
    private = own_server(tcp=tcp)
    link = await Server(private.url).connect()
    told: list[tuple[Link, BaseException]] = []
    done = asyncio.Event()

    def on_lost(lost: Link, reason: BaseException) -> None:
        told.append((lost, reason))
        done.set()

    link.on_lost = on_lost
    ear = Ear()
    link.write(pack((b"BLPOP", b"nothing", 0)), [ear])
    private.kill()
    await done.wait()
    link.abort(ConnectionError("again"))
    assert [lost for lost, _ in told] == [link]
    assert list(link.waiting) == [ear]
    with pytest.raises((ConnectionError, OSError)):
        await link.ask("PING")


async def test_what_was_closed_on_purpose_is_not_a_loss(url: str):
    link = await Server(url).connect()
    link.on_lost = lambda *_: pytest.fail("told")
    asked = asyncio.ensure_future(link.ask("BLPOP", "nothing", 0))
    await asyncio.sleep(0)
    link.close()
    with pytest.raises(ConnectionError, match="closed"):
        await asked
    await asyncio.sleep(0)
