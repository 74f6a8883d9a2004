from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asynq._redis.blocking import Blocking
from asynq._redis.client import Server
from asynq._redis.errors import Refused
from asynq._redis.scripts import Script
from asynq.exceptions import OperationalError
from tests._redis.test_pipeline import HELLO
from tests.proxy import Proxy
from tests.servers import PrivateServer
from tests.waiting import until


@pytest.fixture
async def reader(url: str) -> AsyncIterator[Blocking]:
    connection = Blocking(Server(url))
    yield connection
    await connection.aclose()


def blocked(server: PrivateServer) -> bool:
    return b"blocked_clients:1" in server.command("INFO", "clients")


@pytest.mark.both_loops
async def test_a_blocking_read_waits_and_gets(reader: Blocking, server: PrivateServer):
    asked = asyncio.ensure_future(reader.execute(b"BLPOP", b"l", 5, block=5))
    await until(lambda: blocked(server))
    server.command("RPUSH", "l", "x")
    assert await asked == [b"l", b"x"]


async def test_nothing_is_an_answer_too(reader: Blocking):
    assert await reader.execute(b"BLPOP", b"l", 0.01, block=0.01) is None


async def test_what_is_asked_behind_a_blocking_read_is_answered_after_it(
    reader: Blocking, server: PrivateServer
):
    asked = asyncio.ensure_future(
        reader.execute_all([(b"BLPOP", b"l", 5), (b"GET", b"x"), (b"LLEN", b"x")], block=5)
    )
    await until(lambda: blocked(server))
    server.command("SET", "x", "after")
    server.command("RPUSH", "l", "a")
    first, second, third = await asked
    assert (first, second) == ([b"l", b"a"], b"after")
    assert isinstance(third, Refused)


async def test_a_loss_under_several_commands_is_one_error(reader: Blocking, server: PrivateServer):
    asked = asyncio.ensure_future(
        reader.execute_all([(b"BLPOP", b"l", 5), (b"GET", b"x")], block=5)
    )
    await until(lambda: blocked(server))
    server.command("CLIENT", "KILL", "TYPE", "normal")
    with pytest.raises(OperationalError):
        await asked
    assert await reader.execute_all([(b"ECHO", b"a"), (b"ECHO", b"b")]) == [b"a", b"b"]


async def test_after_a_cancel_no_answer_goes_astray(reader: Blocking, server: PrivateServer):
    for number in range(5):
        asked = asyncio.ensure_future(reader.execute(b"BLPOP", b"l", 5, block=5))
        await until(lambda: blocked(server))
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await reader.execute(b"ECHO", str(number)) == str(number).encode()
    assert reader.connections == 6


async def test_a_lost_connection_is_said_and_made_again_at_the_next_use(
    reader: Blocking, server: PrivateServer
):
    asked = asyncio.ensure_future(reader.execute(b"BLPOP", b"l", 5, block=5))
    await until(lambda: blocked(server))
    server.command("CLIENT", "KILL", "TYPE", "normal")
    with pytest.raises(OperationalError, match="closed the connection"):
        await asked
    assert await reader.execute(b"PING") == b"PONG"
    assert reader.connections == 2


async def test_a_dead_peer_is_noticed(
    url: str, server: PrivateServer, directory: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("asynq._redis.blocking.GRACE", 0.1)
    async with Proxy(server, directory) as proxy:
        reader = Blocking(Server(proxy.url))
        await reader.execute(b"PING")
        proxy.stall()
        with pytest.raises(OperationalError, match="no answer"):
            await reader.execute(b"PING")
        proxy.resume()
        assert await reader.execute(b"PING") == b"PONG"
        await reader.aclose()


async def test_an_answer_that_comes_slowly_is_read_to_its_end(
    directory: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("asynq._redis.blocking.GRACE", 0.2)

    async def talk(asking: asyncio.StreamReader, answering: asyncio.StreamWriter) -> None:
        await asking.read(65536)
        answering.write(HELLO)
        await asking.read(65536)
        answering.write(b"$8\r\n")
        for letter in b"slow-yes":
            await asyncio.sleep(0.05)
            answering.write(bytes([letter]))
        answering.write(b"\r\n")
        await asking.read(65536)
        answering.close()

    async with await asyncio.start_unix_server(talk, directory / "s"):
        reader = Blocking(Server(f"unix://{directory}/s"))
        assert await reader.execute(b"GET", b"k") == b"slow-yes"
        await reader.aclose()
        await asyncio.sleep(0.01)


@pytest.mark.both_loops
async def test_an_answer_that_waited_while_we_stood_still_is_not_believed(
    reader: Blocking, server: PrivateServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("asynq._redis.blocking.GRACE", 0.05)
    monkeypatch.setattr("asynq._redis.blocking.STANDSTILL", 0.1)
    asked = asyncio.ensure_future(reader.execute(b"BLPOP", b"l", 0.5, block=0.5))
    await until(lambda: blocked(server))
    server.command("RPUSH", "l", "x")
    time.sleep(0.8)  # noqa: ASYNC251 - the point of the test
    with pytest.raises(OperationalError, match="no answer"):
        await asked
    assert await reader.execute(b"PING") == b"PONG"


async def test_a_refusal_keeps_the_connection(reader: Blocking):
    with pytest.raises(Refused, match="unknown command"):
        await reader.execute(b"NOSUCH")
    assert await reader.execute(b"PING") == b"PONG"
    assert reader.connections == 1


async def test_a_script_is_sent_along_once(reader: Blocking, server: PrivateServer, tmp_path: Path):
    path = tmp_path / "one.lua"
    path.write_text("return 1")
    script = Script(path)
    assert await reader.run(script, ()) == 1
    server.command("SCRIPT", "FLUSH")
    assert await reader.run(script, ()) == 1


async def test_closing_ends_what_is_asked(reader: Blocking, server: PrivateServer):
    asked = asyncio.ensure_future(reader.execute(b"BLPOP", b"l", 5, block=5))
    await until(lambda: blocked(server))
    await reader.aclose()
    with pytest.raises(OperationalError, match="closed"):
        await asked
    with pytest.raises(OperationalError, match="closed"):
        await reader.execute(b"PING")


async def test_a_server_that_is_not_there_is_said(directory: Path):
    reader = Blocking(Server(f"unix://{directory}/nobody"))
    with pytest.raises(OperationalError, match="No such file"):
        await reader.execute(b"PING")
    await reader.aclose()
