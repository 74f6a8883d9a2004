from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asynq._redis.client import Server
from asynq._redis.errors import Refused
from asynq._redis.pipeline import Pipeline, shared
from asynq._redis.scripts import Script
from asynq.exceptions import OperationalError
from tests._redis.test_client import pretender
from tests.proxy import Proxy
from tests.servers import PrivateServer, ServerFactory
from tests.waiting import until

HELLO = b"*4\r\n+server\r\n+redis\r\n+version\r\n+7.0.0\r\n"


@pytest.fixture
async def pipe(url: str) -> AsyncIterator[Pipeline]:
    pipeline = shared(Server(url), timeout=5.0)
    yield pipeline
    await pipeline.aclose()


@pytest.fixture
async def proxy(url: str, server: PrivateServer, directory: Path) -> AsyncIterator[Proxy]:
    async with Proxy(server, directory) as proxy:
        yield proxy


@pytest.fixture
async def wired(proxy: Proxy) -> AsyncIterator[Pipeline]:
    """A pipeline through a wire that can be cut."""
    pipeline = shared(Server(proxy.url), timeout=5.0)
    yield pipeline
    await pipeline.aclose()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    path = tmp_path / "echo.lua"
    path.write_text("return {KEYS[1], ARGV[1]}")
    return Script(path)


def clients(server: PrivateServer) -> int:
    return server.command("CLIENT", "LIST").count(b"name=asynq")


@pytest.mark.both_loops
async def test_ten_thousand_callers_share_one_connection(pipe: Pipeline, server: PrivateServer):
    await asyncio.gather(*(pipe.execute(b"SET", f"k{n}", n) for n in range(10_000)))
    values = await asyncio.gather(*(pipe.execute(b"GET", f"k{n}") for n in range(10_000)))
    assert values == [str(n).encode() for n in range(10_000)]
    assert clients(server) == 1


async def test_users_of_one_loop_and_server_share_it_until_the_last_is_gone(
    url: str, server: PrivateServer
):
    first, second = shared(Server(url)), shared(Server(url))
    assert first is second
    assert shared(Server(f"{url}?db=1")) is not first
    await first.execute(b"PING")
    await first.aclose()
    assert await second.execute(b"PING") == b"PONG"
    await second.aclose()
    await until(lambda: clients(server) == 0)
    with pytest.raises(OperationalError, match="closed"):
        await second.execute(b"PING")
    third = shared(Server(url))
    assert third is not first
    await third.aclose()


async def test_a_refusal_is_raised_and_harms_nobody_else(pipe: Pipeline):
    await pipe.execute(b"SET", b"text", b"abc")
    refused, fine = await asyncio.gather(
        pipe.execute(b"INCR", b"text"), pipe.execute(b"GET", b"text"), return_exceptions=True
    )
    assert isinstance(refused, Refused)
    assert fine == b"abc"


async def test_what_cannot_be_sent_is_refused_at_the_call(pipe: Pipeline):
    with pytest.raises(TypeError):
        await pipe.execute(b"SET", b"k", object())  # type: ignore[arg-type]
    assert await pipe.execute(b"PING") == b"PONG"


@pytest.mark.both_loops
async def test_cancelled_callers_never_mix_up_replies(pipe: Pipeline):
    chance = random.Random(51)
    await asyncio.gather(*(pipe.execute(b"SET", f"k{n}", n) for n in range(1000)))

    async def get(number: int) -> int:
        return int(await pipe.execute(b"GET", f"k{number}"))

    for _ in range(5):
        asked = {n: asyncio.ensure_future(get(n)) for n in range(1000)}
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0)
        for number in chance.sample(range(1000), 500):
            asked[number].cancel()
        answers = await asyncio.gather(*asked.values(), return_exceptions=True)
        for number, answer in zip(asked, answers, strict=True):
            assert answer == number or isinstance(answer, asyncio.CancelledError)


async def test_a_command_cancelled_before_it_went_out_is_never_sent(pipe: Pipeline):
    asked = asyncio.ensure_future(pipe.execute(b"SET", b"k", b"v"))
    await asyncio.sleep(0)
    asked.cancel()
    assert await pipe.execute(b"EXISTS", b"k") == 0


@pytest.mark.both_loops
async def test_a_killed_connection_is_made_again(pipe: Pipeline, server: PrivateServer):
    await pipe.execute(b"SET", b"n", 0)
    for number in range(1, 6):
        server.command("CLIENT", "KILL", "TYPE", "normal")
        assert await pipe.execute(b"GET", b"n") == b"0"
        assert pipe.connections <= 1 + number
    assert pipe.connections > 1


async def test_a_lost_reply_is_asked_for_again(wired: Pipeline, proxy: Proxy):
    await wired.execute(b"SET", b"n", 0)
    proxy.swallow(b"INCR")
    assert await wired.execute(b"INCR", b"n") == 2
    assert proxy.swallowed == 1


async def test_what_must_not_run_twice_is_not_sent_again(wired: Pipeline, proxy: Proxy):
    await wired.execute(b"SET", b"n", 0)
    proxy.swallow(b"INCR")
    with pytest.raises(OperationalError, match="may or may not have been carried out"):
        await wired.execute(b"INCR", b"n", resend=False)
    assert await wired.execute(b"GET", b"n") == b"1"


async def test_what_was_unanswered_is_sent_again_in_its_order(wired: Pipeline, proxy: Proxy):
    await wired.execute(b"PING")
    proxy.stall()
    asked = [asyncio.ensure_future(wired.execute(b"RPUSH", b"l", n)) for n in range(50)]
    await asyncio.sleep(0)
    proxy.cut()
    proxy.resume()
    await asyncio.gather(*asked)
    values = await wired.execute(b"LRANGE", b"l", 0, -1)
    assert values[-50:] == [str(n).encode() for n in range(50)]


async def test_a_server_that_was_away_is_found_again(own_server: ServerFactory):
    private = own_server(durable=True)
    pipe = shared(Server(private.url), timeout=10.0)
    await pipe.execute(b"SET", b"k", b"v")
    private.kill()
    asked = asyncio.ensure_future(pipe.execute(b"GET", b"k"))
    await until(lambda: pipe._trouble is not None)
    private.start()
    assert await asked == b"v"
    await pipe.aclose()


async def test_who_waits_too_long_is_told_where_and_why(own_server: ServerFactory):
    private = own_server(config={"requirepass": "geheim"})
    pipe = shared(Server(private.url))
    await pipe.execute(b"PING")
    private.kill()
    with pytest.raises(OperationalError) as raised:
        await pipe.execute(b"PING", timeout=0.2)
    text = str(raised.value)
    assert "can't reach unix://:********@" in text
    assert "tried for 0.2 s" in text
    assert "geheim" not in text
    await pipe.aclose()


async def test_what_nobody_waits_for_is_not_kept_while_the_server_is_away(
    directory: Path,
):
    pipe = shared(Server(f"unix://{directory}/nobody"), timeout=0.05)
    asked = [asyncio.ensure_future(pipe.execute(b"PING", timeout=5.0)) for _ in range(100)]
    await asyncio.gather(*(pipe.execute(b"PING") for _ in range(100)), return_exceptions=True)
    assert len(pipe._outbox) == 100
    for one in asked[1:]:
        one.cancel()
    await asyncio.wait(asked[1:])
    await asyncio.gather(pipe.execute(b"PING"), return_exceptions=True)
    assert len(pipe._outbox) == 1
    await pipe.aclose()
    with pytest.raises(OperationalError):
        await asked[0]


async def test_a_silent_server_costs_no_more_than_the_deadline(own_server: ServerFactory):
    private = own_server()
    pipe = shared(Server(private.url))
    await pipe.execute(b"PING")
    private.pause()
    before = pipe.loop.time()
    with pytest.raises(OperationalError, match="no answer"):
        await pipe.execute(b"PING", timeout=0.1)
    assert pipe.loop.time() - before < 3.0
    private.resume()
    assert await pipe.execute(b"ECHO", b"mine") == b"mine"
    assert pipe.connections == 1
    await pipe.aclose()


async def test_a_connection_that_says_nothing_is_given_up(
    wired: Pipeline, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("asynq._redis.pipeline.SILENCE", 0.2)
    monkeypatch.setattr("asynq._redis.pipeline.LOOK", 0.05)
    await wired.execute(b"PING")
    proxy.stall()
    asked = asyncio.ensure_future(wired.execute(b"PING"))
    await until(lambda: wired._link is None)
    proxy.resume()
    assert await asked == b"PONG"
    assert wired.connections == 2


async def test_a_wrong_password_is_said_at_once(own_server: ServerFactory):
    private = own_server(config={"requirepass": "geheim"})
    pipe = shared(Server(f"unix://:falsch@{private.socket_path}"))
    before = pipe.loop.time()
    for _ in range(2):
        with pytest.raises(OperationalError, match="refuses the user name or the password"):
            await pipe.execute(b"PING")
    assert pipe.loop.time() - before < 4.0
    await pipe.aclose()


async def test_what_passes_is_waited_for(directory: Path):
    answers = [HELLO, b"-LOADING Redis is loading\r\n", b"-BUSY a script\r\n", b"+OK\r\n"]
    async with pretender(directory / "s", lambda _: answers.pop(0)) as url:
        pipe = shared(Server(url))
        assert await pipe.execute(b"GET", b"k") == b"OK"
        await pipe.aclose()


async def test_what_does_not_pass_in_time_is_an_error(directory: Path):
    def answer(data: bytes) -> bytes:
        return HELLO if b"HELLO" in data else b"-LOADING Redis is loading\r\n"

    async with pretender(directory / "s", answer) as url:
        pipe = shared(Server(url))
        with pytest.raises((OperationalError, Refused), match="loading"):
            await pipe.execute(b"GET", b"k", timeout=0.3)
        await pipe.aclose()


async def test_a_server_that_became_a_replica_is_left_for_another(directory: Path):
    answers = [HELLO, b"-READONLY You can't write\r\n", HELLO, b"+OK\r\n"]
    async with pretender(directory / "s", lambda _: answers.pop(0)) as url:
        pipe = shared(Server(url))
        assert await pipe.execute(b"SET", b"k", b"v") == b"OK"
        assert pipe.connections == 2
        await pipe.aclose()


async def test_a_busy_server_is_asked_again_for_all_at_once(directory: Path):
    writes: list[bytes] = []

    def answer(data: bytes) -> bytes:
        if b"HELLO" in data:
            return HELLO
        writes.append(data)
        count = data.count(b"GET")
        return (b"-BUSY a script\r\n" if len(writes) < 3 else b"+OK\r\n") * count

    async with pretender(directory / "s", answer) as url:
        pipe = shared(Server(url))
        answers = await asyncio.gather(*(pipe.execute(b"GET", b"k") for _ in range(100)))
        assert answers == [b"OK"] * 100
        assert len(writes) == 3
        await until(lambda: pipe.trouble is None)
        await pipe.aclose()


async def test_who_waits_for_a_busy_server_waits_no_longer_than_asked(directory: Path):
    def answer(data: bytes) -> bytes:
        return HELLO if b"HELLO" in data else b"-BUSY a script\r\n"

    async with pretender(directory / "s", answer) as url:
        pipe = shared(Server(url))
        before = pipe.loop.time()
        with pytest.raises((OperationalError, Refused), match=r"busy|BUSY"):
            await pipe.execute(b"GET", b"k", timeout=0.3)
        assert pipe.loop.time() - before < 3.0
        asked = asyncio.ensure_future(pipe.execute(b"GET", b"k"))
        await until(lambda: list(pipe._deferred))
        await pipe.aclose()
        with pytest.raises(OperationalError, match="closed"):
            await asked


async def test_a_large_upload_on_a_slow_line_is_no_silence(
    directory: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("asynq._redis.pipeline.SILENCE", 0.4)
    monkeypatch.setattr("asynq._redis.pipeline.LOOK", 0.05)
    connections = 0

    async def read_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"asynq\r\n")
        writer.write(HELLO)
        taken = 0
        while taken < 2_000_000 and (data := await reader.read(65_536)):
            taken += len(data)
            await asyncio.sleep(0.04)
        writer.write(b"+OK\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(read_slowly, directory / "s", limit=65_536):
        pipe = shared(Server(f"unix://{directory}/s"))
        before = pipe.loop.time()
        assert await pipe.execute(b"SET", b"k", bytes(2_000_000), timeout=20.0) == b"OK"
        assert pipe.loop.time() - before > 2 * 0.4
        assert connections == 1
        await pipe.aclose()


@pytest.mark.both_loops
async def test_one_who_takes_everything_and_never_answers_is_given_up(
    directory: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("asynq._redis.pipeline.SILENCE", 0.3)
    monkeypatch.setattr("asynq._redis.pipeline.LOOK", 0.05)

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"asynq\r\n")
        writer.write(HELLO)
        while await reader.read(65_536):
            pass
        writer.close()

    async with await asyncio.start_unix_server(swallow, directory / "s"):
        pipe = shared(Server(f"unix://{directory}/s"))
        asked = []
        until_then = pipe.loop.time() + 3.0
        while pipe.connections < 2 and pipe.loop.time() < until_then:
            asked.append(asyncio.ensure_future(pipe.execute(b"PING", timeout=10.0)))
            await asyncio.sleep(0.02)
        assert pipe.connections == 2
        await pipe.aclose()
        await asyncio.gather(*asked, return_exceptions=True)


async def test_a_script_the_server_forgot_is_sent_along(
    pipe: Pipeline, server: PrivateServer, script: Script
):
    for turn in range(3):
        answers = await asyncio.gather(*(pipe.run(script, ("k",), (n,)) for n in range(50)))
        assert answers == [[b"k", str(n).encode()] for n in range(50)]
        if turn < 2:
            server.command("SCRIPT", "FLUSH")


async def test_a_large_answer_and_a_large_question_pass(pipe: Pipeline):
    body = bytes(range(256)) * 40_000
    keys = [f"large{n}" for n in range(3)]
    await asyncio.gather(*(pipe.execute(b"SET", key, body) for key in keys))
    assert await asyncio.gather(*(pipe.execute(b"GET", key) for key in keys)) == [body] * 3


async def test_closing_ends_what_is_asked(own_server: ServerFactory):
    private = own_server()
    pipe = shared(Server(private.url))
    await pipe.execute(b"PING")
    private.pause()
    asked = asyncio.ensure_future(pipe.execute(b"PING"))
    await asyncio.sleep(0)
    await pipe.aclose()
    with pytest.raises(OperationalError, match="closed"):
        await asked
    private.resume()


async def test_closing_while_connecting_leaves_nothing(directory: Path):
    pipe = shared(Server(f"unix://{directory}/nobody"))
    asked = asyncio.ensure_future(pipe.execute(b"PING"))
    await until(lambda: pipe._trouble is not None)
    await pipe.aclose()
    with pytest.raises(OperationalError, match="closed"):
        await asked


PROGRAM = """
import asyncio, sys
from asynq._redis.blocking import Blocking
from asynq._redis.client import Server
from asynq._redis.pipeline import shared
async def main(url):
    pipe, reader = shared(Server(url)), Blocking(Server(url))
    assert await pipe.execute(b"PING") == b"PONG"
    assert await reader.execute(b"PING") == b"PONG"
    asyncio.ensure_future(reader.execute(b"BLPOP", b"nothing", 10, block=10))
    asyncio.ensure_future(pipe.execute(b"PING"))
    asyncio.ensure_future(shared(Server("unix:///nowhere/s")).execute(b"PING"))
    await asyncio.sleep(0.05)
if sys.argv[2] == "uvloop":
    import uvloop
    uvloop.run(main(sys.argv[1]))
else:
    asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_program_that_closes_nothing_ends_without_a_word(url: str, loop: str):
    words = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, url, loop]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
