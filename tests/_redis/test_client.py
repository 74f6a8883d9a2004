from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asynq._redis.client import Server
from asynq._redis.errors import CrowdedError, FatalError, Refused
from asynq._redis.keys import Keys
from asynq._redis.threaded import Threaded
from asynq.brokers.redis.scripts import DEPTH
from tests.servers import PrivateServer, ServerFactory

KEYS = Keys("client")
DEPTH_KEYS = (KEYS.delayed("q"), *KEYS.lanes("q"))


@asynccontextmanager
async def pretender(path: Path, answer: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """Something that listens like a Redis, and answers as told."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(answer(data))
        writer.close()

    listener = await asyncio.start_unix_server(talk, path)
    async with listener:
        yield f"unix://{path}"
        await asyncio.sleep(0.01)


async def test_nothing_connects_before_it_is_asked_to():
    server = Server("redis://127.0.0.1:1")
    assert server.identity == "redis://127.0.0.1:1"
    with pytest.raises(OSError, match="1"):
        await server.connect()


async def test_a_connection_has_a_name_and_is_in_its_database(url: str, server: PrivateServer):
    link = await Server(f"{url}?db=3").connect()
    await link.ask("SET", "here", "yes")
    (client,) = [line for line in server.command("CLIENT", "LIST").splitlines() if b"asynq" in line]
    assert b"db=3" in client
    link.close()
    assert server.command("EVAL", "redis.call('SELECT', 3) return redis.call('GET', 'here')", 0)


async def test_a_password_opens_and_a_wrong_one_is_said(own_server: ServerFactory):
    private = own_server(config={"requirepass": "geheim"})
    link = await Server(private.url).connect()
    assert await link.ask("PING") == b"PONG"
    link.close()
    with pytest.raises(Refused, match="WRONGPASS"):
        await Server(f"unix://:other@{private.socket_path}").connect()
    with pytest.raises(Refused, match="NOAUTH"):
        await Server(f"unix://{private.socket_path}").connect()


async def test_a_database_that_is_not_there_is_said(url: str):
    with pytest.raises(FatalError, match="no database 4000"):
        await Server(f"{url}?db=4000").connect()


async def test_a_server_too_old_is_said(directory: Path):
    hello = b"*4\r\n+server\r\n+redis\r\n+version\r\n+6.2.5\r\n"
    async with pretender(directory / "s", lambda _: hello) as url:
        with pytest.raises(FatalError, match=r"its version is 6\.2\.5; asynq needs Redis 7\.0"):
            await Server(url).connect()


async def test_a_server_that_knows_no_hello_is_said(directory: Path):
    refusal = b"-ERR unknown command `HELLO`, with args beginning with\r\n"
    async with pretender(directory / "s", lambda _: refusal) as url:
        with pytest.raises(FatalError, match=r"asynq needs Redis 7\.0"):
            await Server(url).connect()


async def test_what_is_no_redis_is_said(directory: Path):
    async with pretender(directory / "s", lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        with pytest.raises(ConnectionError, match="not what a Redis server says"):
            await Server(url).connect()


async def test_connecting_takes_no_longer_than_it_may(directory: Path):
    async with pretender(directory / "s", lambda _: b"") as url:
        with pytest.raises(TimeoutError):
            await Server(f"{url}?socket_connect_timeout=0.05").connect()


def test_two_spellings_of_one_socket_are_one_server(directory: Path):
    (directory / "link").symlink_to(directory)
    straight = Server(f"unix://{directory}/s")
    assert straight.identity == Server(f"unix://{directory}/link/s?db=1").identity
    assert straight.key != Server(f"unix://{directory}/s?db=1").key


def test_an_embedded_server_is_known_without_starting_it(directory: Path):
    server = Server(f"embedded://{directory}/data")
    assert server.identity.startswith("unix:///")
    assert server.identity == Server(f"embedded://{directory}/data").identity
    assert not (directory / "data").exists()
    assert Server("embedded://", name="a").identity != Server("embedded://", name="b").identity


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make certificates")
async def test_tls_is_spoken_and_verified(directory: Path, own_server: ServerFactory, kind: str):
    if kind != "redis":
        pytest.skip("the bundled Valkey is built without TLS")
    certificate, key = directory / "cert.pem", directory / "key.pem"
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {key} -out {certificate}"
    words += " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    made = await asyncio.create_subprocess_exec(*words.split(), stderr=subprocess.DEVNULL)
    assert await made.wait() == 0
    private = own_server(
        tcp=True,
        config={
            "tls-port": "22431",
            "tls-cert-file": str(certificate),
            "tls-key-file": str(key),
            "tls-auth-clients": "no",
        },
    )
    assert private.is_running
    place = "rediss://localhost:22431"
    link = await Server(f"{place}?ssl_ca_certs={certificate}").connect()
    assert await link.ask("PING") == b"PONG"
    link.close()
    with pytest.raises(FatalError, match=r"its certificate is not accepted: self.signed"):
        await Server(place).connect()
    with pytest.raises(FatalError, match=r"IP address mismatch.*127\.0\.0\.1"):
        await Server(f"rediss://127.0.0.1:22431?ssl_ca_certs={certificate}").connect()
    with pytest.raises(FatalError, match="files for TLS"):
        await Server(f"{place}?ssl_ca_certs=/nowhere.pem").connect()
    blocking = Threaded(Server(f"{place}?ssl_ca_certs={certificate}"), timeout=5.0)
    assert blocking.run_all(DEPTH, [(DEPTH_KEYS, ())]) == [0]
    blocking.close()


async def test_a_server_without_a_free_connection_is_left_alone_for_a_while(
    own_server: ServerFactory,
):
    private = own_server(config={"maxclients": "2"})
    server = Server(private.url)
    links = [await server.connect() for _ in range(2)]
    with pytest.raises((CrowdedError, OSError, ConnectionError)):
        await server.connect()
    server._sent_away(CrowdedError())  # where the server's word was lost with the connection
    for link in links:
        link.close()
    with pytest.raises(CrowdedError, match="maxclients"):
        await server.connect()
    with pytest.raises(CrowdedError, match="maxclients"):
        server.connect_blocking(1.0)


async def test_what_a_crowded_server_says_before_it_was_asked_is_understood(directory: Path):
    async def turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR max number of clients reached\r\n")
        await reader.read(65536)
        writer.close()

    async with await asyncio.start_unix_server(turn_away, directory / "s"):
        with pytest.raises(CrowdedError):
            await Server(f"unix://{directory}/s").connect()


async def test_a_wrong_password_is_not_tried_several_times_a_second(own_server: ServerFactory):
    private = own_server(config={"requirepass": "geheim"})
    server = Server(f"unix://:other@{private.socket_path}")
    for _ in range(20):
        with pytest.raises(Refused, match="WRONGPASS"):
            await server.connect()
    assert b"rejected_calls=0,failed_calls=1" in _stats(private, "hello")


def _stats(private: PrivateServer, command: str) -> bytes:
    lines = private.command("INFO", "commandstats").splitlines()
    return next(line for line in lines if line.startswith(b"cmdstat_" + command.encode()))
