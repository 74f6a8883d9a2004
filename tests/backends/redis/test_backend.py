"""What is true of the Redis backend beyond the contract: keys, losses, restarts, closing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from asynq._redis.keys import Keys
from asynq.backends.redis import asking
from asynq.backends.redis.backend import RedisBackend
from asynq.brokers.base import StoredRecord
from asynq.exceptions import ImproperlyConfigured, OperationalError
from tests.servers import PrivateServer, ServerFactory

PATIENCE = 20.0


Connect = Callable[..., RedisBackend]


@pytest.fixture(autouse=True)
def _no_net(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow look would hide a lost wake-up: it is only where it is tested."""
    if "with_net" not in request.fixturenames:
        monkeypatch.setattr(asking, "DOUBT", 1_000.0)


@pytest.fixture
def with_net() -> None:
    pass


@pytest.fixture
async def connect(namespace: str) -> AsyncIterator[Connect]:
    """Backends in one namespace, closed at the end of the test."""
    backends: list[RedisBackend] = []

    def connect(url: str, **more) -> RedisBackend:
        options = {"poll_interval": 1_000.0}
        backends.append(RedisBackend(url, namespace=namespace, options=options, **more))
        return backends[-1]

    yield connect
    for backend in backends:
        await backend.aclose()


@pytest.fixture
def backend(url: str, connect: Connect) -> RedisBackend:
    return connect(url)


@pytest.fixture
def worker(url: str, connect: Connect) -> RedisBackend:
    """The side that stores."""
    return connect(url)


def done(id: str, **more) -> StoredRecord:
    return StoredRecord(id=id, body=b'{"r":"%b"}' % id.encode(), **more)


async def all_wait(backend: RedisBackend, ids: list[str], **more) -> list[asyncio.Task[bytes]]:
    waiting = [asyncio.create_task(backend.wait(id, **more)) for id in ids]
    await asyncio.sleep(0)
    return waiting


async def listening(backend: RedisBackend, server: PrivateServer) -> None:
    """Until the backend's reader blocks on its streams."""
    async with asyncio.timeout(PATIENCE):
        while not any(b"cmd=xread" in client for client in clients(server)):
            await asyncio.sleep(0.005)


async def registered(server: PrivateServer, namespace: str) -> None:
    """Until the server knows that somebody waits."""
    async with asyncio.timeout(PATIENCE):
        while not server.command("ZCARD", Keys(namespace).waiting):
            await asyncio.sleep(0.005)


async def asked(server: PrivateServer) -> None:
    """Until the first round of questions, which begins as the reader does, was answered."""
    async with asyncio.timeout(PATIENCE):
        while "cmdstat_get:" not in statistics(server):
            await asyncio.sleep(0.005)


def statistics(server: PrivateServer) -> str:
    calls = server.command("INFO", "commandstats")
    return calls.decode() if isinstance(calls, bytes) else str(calls)


def clients(server: PrivateServer) -> list[bytes]:
    return server.command("CLIENT", "LIST").splitlines()


async def test_nobody_announces_results_to_a_process_that_does_not_wait(backend, worker):
    assert backend.reply_address(waiting=False) is None
    address = backend.reply_address(waiting=True)
    assert address is not None
    assert backend.reply_address(waiting=False) == address
    assert worker.reply_address(waiting=True) != address


async def test_waiting_makes_an_address_worth_while(backend, worker):
    await worker.store([done("a")])
    await backend.wait("a")
    assert backend.reply_address(waiting=False) is not None


async def test_an_announced_result_costs_the_waiter_no_question(
    backend, worker, server, monkeypatch
):
    monkeypatch.setattr(asking, "DOUBT", 60.0)  # a busy machine is no reason to ask
    server.command("CONFIG", "RESETSTAT")  # of what other tests have asked it
    (other,) = await all_wait(backend, ["other"], announced=True)
    await listening(backend, server)
    await asked(server)
    server.command("CONFIG", "RESETSTAT")
    address = backend.reply_address(waiting=True)
    waiting = await all_wait(backend, ["a", "b"], announced=True)
    await worker.store([done(id, reply_to=address) for id in ("a", "b", "other")])
    await asyncio.gather(*waiting, other)
    assert "cmdstat_get:" not in statistics(server)


async def test_what_is_wrongly_announced_arrives_a_little_later(backend, worker, with_net):
    (waiting,) = await all_wait(backend, ["first"])
    await worker.store([done("first")])
    await waiting
    (waiting,) = await all_wait(backend, ["a"], announced=True)
    await worker.store([done("a")])
    async with asyncio.timeout(PATIENCE):
        assert await waiting == b'{"r":"a"}'


async def test_a_lost_wake_up_is_found_by_the_slow_look(url, namespace, connect, worker, server):
    backend = RedisBackend(url, namespace=namespace, options={"poll_interval": 0.2})
    waiting = await all_wait(backend, ["a"])
    await listening(backend, server)
    await registered(server, namespace)
    # As if the completion had been written by a server that then lost the push.
    server.command("SET", Keys(namespace).result("a"), "8")
    async with asyncio.timeout(PATIENCE):
        assert await waiting[0] == b"8"
    await backend.aclose()


async def test_every_key_has_an_end(backend, worker, server, namespace):
    waiting = await all_wait(backend, ["a", "b", "c"])
    await listening(backend, server)
    await registered(server, namespace)
    address = backend.reply_address(waiting=True)
    await worker.store([done("a", ttl=60, reply_to=address), done("b", ttl=60)])
    await asyncio.gather(*waiting[:2])
    waiting[2].cancel()
    keys = server.command("KEYS", "*")
    kinds = Keys(namespace)
    assert {kinds.result("a"), kinds.waiting, kinds.late, kinds.reply(address)} <= set(keys)
    assert [key for key in keys if server.command("PTTL", key) < 0] == [kinds.meta]


async def test_nothing_is_pushed_late_when_nobody_waits_late(backend, worker, server, namespace):
    await worker.store([done("a"), done("b", reply_to="somebody")])
    assert not server.command("EXISTS", Keys(namespace).late)


async def test_two_thousand_waiters_outlive_their_connections(backend, worker, server):
    ids = [f"id{number}" for number in range(2_000)]
    address = backend.reply_address(waiting=True)
    waiting = await all_wait(backend, ids[:1_000], announced=True)
    waiting += await all_wait(backend, ids[1_000:])
    await listening(backend, server)
    for start in range(0, 1_000, 100):
        announced, late = ids[start : start + 100], ids[start + 1_000 : start + 1_100]
        await worker.store([done(id, reply_to=address) for id in announced])
        await worker.store([done(id) for id in late])
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await asyncio.sleep(0.01)
    async with asyncio.timeout(PATIENCE):
        results = await asyncio.gather(*waiting)
    assert results == [b'{"r":"%b"}' % id.encode() for id in ids]


async def test_all_waiters_of_a_loop_share_one_connection(backend, server):
    before = len(clients(server))
    waiting = await all_wait(backend, [f"id{number}" for number in range(500)])
    await listening(backend, server)
    assert len(clients(server)) <= before + 2  # the reader, and the loop's shared one
    for one in waiting:
        one.cancel()
    await asyncio.wait(waiting)


async def test_a_stream_cut_short_loses_no_result(backend, worker, server, namespace):
    ids = [f"id{number}" for number in range(300)]
    address = backend.reply_address(waiting=True)
    waiting = await all_wait(backend, ids, announced=True)
    await listening(backend, server)
    # Results come and go while we are away: nobody reads them in time.
    server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await worker.store([done(id, reply_to=address) for id in ids])
    server.command("XTRIM", Keys(namespace).reply(address), "MAXLEN", 10)
    async with asyncio.timeout(PATIENCE):
        assert len(await asyncio.gather(*waiting)) == 300


async def test_a_deleted_stream_is_read_from_its_new_beginning(backend, worker, server, namespace):
    address = backend.reply_address(waiting=True)
    waiting = await all_wait(backend, ["a", "b"], announced=True)
    await worker.store([done("a", reply_to=address)])
    assert await waiting[0]
    # A server whose clock is behind: the new entries are older than our position.
    stream = Keys(namespace).reply(address)
    server.command("DEL", stream)
    server.command("XADD", stream, "1-1", "i", "b", "v", "8")
    server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    async with asyncio.timeout(PATIENCE):
        # Not stored at all, so no question finds it: it can only have been read.
        assert await waiting[1] == b"8"


async def test_waiters_survive_a_restart_of_the_server(own_server: ServerFactory, connect: Connect):
    server = own_server(durable=True)
    backend = connect(server.url)
    worker = connect(server.url)
    address = backend.reply_address(waiting=True)
    announced = await all_wait(backend, ["a", "b"], announced=True)
    late = await all_wait(backend, ["c", "d"])
    await listening(backend, server)
    await worker.store([done("a", reply_to=address), done("c")])
    await asyncio.gather(announced[0], late[0])
    server.kill()
    server.restart()
    storing = asyncio.create_task(worker.store([done("b", reply_to=address), done("d")]))
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(announced[1], late[1], storing)


async def test_waiters_survive_a_restart_that_lost_everything(
    own_server: ServerFactory, connect: Connect
):
    server = own_server()
    backend = connect(server.url)
    waiting = await all_wait(backend, ["a"])
    await listening(backend, server)
    server.kill()
    server.restart()
    await listening(backend, server)
    await backend.store([done("a")])
    async with asyncio.timeout(PATIENCE):
        assert await waiting[0] == b'{"r":"a"}'


async def test_a_full_server_still_takes_results(own_server: ServerFactory, connect: Connect):
    server = own_server(config={"maxmemory-policy": "noeviction"})
    backend = connect(server.url)
    waiting = await all_wait(backend, ["a"])
    await listening(backend, server)
    server.command("CONFIG", "SET", "maxmemory", "1mb")
    await backend.store([done("a")])
    async with asyncio.timeout(PATIENCE):
        assert await waiting[0] == b'{"r":"a"}'
        await backend.wait("a")


async def test_a_server_that_is_not_there_is_an_error_and_waiting_goes_on(directory, connect):
    backend = connect(f"unix://{directory}/nothing", timeout=0.2)
    with pytest.raises(OperationalError, match="nothing"):
        await backend.fetch(["a"])
    with pytest.raises(OperationalError, match="nothing"):
        await backend.store([done("a")])
    (waiting,) = await all_wait(backend, ["a"])
    done_, _ = await asyncio.wait([waiting], timeout=0.3)
    assert not done_
    await backend.aclose()
    with pytest.raises(OperationalError, match="closed"):
        await waiting


async def test_a_wrong_password_ends_waiting(own_server: ServerFactory, connect: Connect):
    server = own_server(tcp=True, config={"requirepass": "right"})
    url = f"redis://:wrong@{server.url.rpartition('@')[2].removeprefix('redis://')}"
    backend = connect(url)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(OperationalError, match="refuses the user name") as caught:
            await backend.wait("a")
        with pytest.raises(OperationalError):
            await backend.fetch(["a"])
    assert "wrong@" not in str(caught.value)


async def test_keys_of_another_program_are_a_clear_error(backend, server, namespace):
    server.command("SET", Keys(namespace).late, "x")
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(OperationalError, match="another namespace"):
            await backend.wait("a")
    server.command("LPUSH", Keys(namespace).result("a"), "x")
    server.command("DEL", Keys(namespace).late)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(OperationalError, match="another namespace"):
            await backend.wait("a")


@pytest.mark.parametrize("interval", [0, -1, "often"])
def test_a_wrong_interval_is_refused(interval):
    with pytest.raises(ImproperlyConfigured, match="poll_interval"):
        RedisBackend("redis://localhost", namespace="n", options={"poll_interval": interval})


FORGETFUL = """
import asyncio, sys, uvloop
from asynq.backends.redis import asking
from asynq.backends.redis.backend import RedisBackend

async def main():
    backend = RedisBackend(sys.argv[1], namespace="n")
    await backend.fetch(["a"])
    waiting = asyncio.create_task(backend.wait("a"))
    await asyncio.sleep(0.2)
    assert not waiting.done()

for loop in (asyncio.new_event_loop, uvloop.new_event_loop):
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())
"""


def test_a_loop_that_ends_without_closing_ends_quietly(url):
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", FORGETFUL, url],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
