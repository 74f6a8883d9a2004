"""A server that comes back without its data: who waits is told, and only who waits in vain."""

from __future__ import annotations

import asyncio
import logging

import pytest

from asynq import Asynq
from asynq.backends.redis import losing
from asynq.backends.redis.backend import RedisBackend
from asynq.brokers.base import Location, StoredRecord
from asynq.exceptions import ResultLost
from asynq.wire.ids import new_id
from tests.servers import PrivateServer, ServerFactory
from tests.waiting import until

SERVER = Location(server="redis://h:1")


def done(id: str, **more) -> StoredRecord:
    return StoredRecord(id=id, body=b'{"r":1}', **more)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losing, "GRACE", 0.3)
    monkeypatch.setattr("asynq.backends.redis.listening.GRACE", 0.3)
    monkeypatch.setattr("asynq.backends.redis.asking.DOUBT", 0.1)


async def connected(private: PrivateServer, namespace: str, **more) -> RedisBackend:
    """A backend that listens."""
    backend = RedisBackend(private.url, namespace=namespace, **more)
    backend.beside(Location(server=backend.location.server))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(backend.wait("nothing"), 0.05)
    await until(lambda: backend._losses._name is not None)
    return backend


async def test_who_waits_for_what_the_server_has_lost_is_told(
    own_server: ServerFactory, namespace: str, caplog: pytest.LogCaptureFixture
):
    private = own_server()
    backend = await connected(private, namespace)
    waiting = [asyncio.ensure_future(backend.wait(new_id())) for _ in range(3)]
    named = asyncio.ensure_future(backend.wait("named"))
    await asyncio.sleep(0)
    private.kill()
    await asyncio.to_thread(private.start)
    async with asyncio.timeout(6.0):
        for future in (*waiting, named):
            with pytest.raises(ResultLost, match="has lost its data since task"):
                await future
    assert [r.levelno for r in caplog.records if "lost its data" in r.message] == [logging.CRITICAL]
    await backend.aclose()


async def test_who_begins_to_wait_only_then_is_told_too(own_server: ServerFactory, namespace: str):
    private = own_server()
    backend = await connected(private, namespace)
    waiting = asyncio.ensure_future(backend.wait(new_id()))
    sent_before = new_id()
    await asyncio.sleep(losing.IN_FLIGHT + 0.1)
    await asyncio.to_thread(private.restart)
    with pytest.raises(ResultLost):
        await asyncio.wait_for(waiting, 6.0)
    with pytest.raises(ResultLost):
        await asyncio.wait_for(backend.wait(sent_before, announced=True), 6.0)
    await backend.aclose()


async def test_what_is_sent_to_the_new_data_is_waited_for(
    own_server: ServerFactory, namespace: str
):
    private = own_server()
    backend = await connected(private, namespace)
    old = asyncio.ensure_future(backend.wait(new_id()))
    await asyncio.sleep(0)
    await asyncio.to_thread(private.restart)
    sent = new_id()
    new = asyncio.ensure_future(backend.wait(sent))
    with pytest.raises(ResultLost):
        await asyncio.wait_for(old, 6.0)
    await asyncio.sleep(0.3)
    assert not new.done()
    await backend.store([done(sent)])
    assert await asyncio.wait_for(new, 6.0) == b'{"r":1}'
    await backend.aclose()


async def test_what_the_server_still_has_is_found_and_a_state_on_the_way_is_no_end(
    own_server: ServerFactory, namespace: str
):
    private = own_server()
    backend = await connected(private, namespace)
    kept, running = new_id(), new_id()
    waiting = [asyncio.ensure_future(backend.wait(id)) for id in (kept, running)]
    await asyncio.sleep(0)
    await asyncio.to_thread(private.restart)
    other = RedisBackend(private.url, namespace=namespace)
    await other.store([done(kept), done(running, final=False)])
    assert await asyncio.wait_for(waiting[0], 6.0) == b'{"r":1}'
    with pytest.raises(ResultLost):
        await asyncio.wait_for(waiting[1], 6.0)
    await other.aclose()
    await backend.aclose()


async def test_a_restart_that_keeps_the_data_ends_no_waiting(
    own_server: ServerFactory, namespace: str
):
    private = own_server(durable=True)
    backend = await connected(private, namespace)
    id = new_id()
    waiting = asyncio.ensure_future(backend.wait(id))
    await asyncio.sleep(0)
    private.kill()
    await asyncio.to_thread(private.start)
    private.command("CLIENT", "KILL", "TYPE", "normal")
    await until(lambda: backend._listener._connection.connections > 1)
    await asyncio.sleep(1.0)
    assert not waiting.done()
    await backend.store([done(id)])
    assert await asyncio.wait_for(waiting, 6.0) == b'{"r":1}'
    await backend.aclose()


async def test_where_the_tasks_are_on_another_server_nobody_gives_up(
    own_server: ServerFactory, namespace: str
):
    private = own_server()
    backend = await connected(private, namespace)
    backend.beside(SERVER)
    waiting = asyncio.ensure_future(backend.wait(id := new_id()))
    await asyncio.sleep(0)
    await asyncio.to_thread(private.restart)
    await until(lambda: backend._losses._lost is not None)
    await asyncio.sleep(1.0)
    assert not waiting.done()
    await backend.store([done(id)])
    await asyncio.wait_for(waiting, 6.0)
    await backend.aclose()


async def test_a_handle_of_an_app_raises_it(own_server: ServerFactory, namespace: str):
    private = own_server()
    async with Asynq(namespace, broker=private.url) as app:
        result = await app.send_task("nobody.runs.this")
        waiting = asyncio.ensure_future(result.get())
        await until(lambda: private.command("EXISTS", f"aq:{{{namespace}}}:meta"))
        await asyncio.to_thread(private.restart)
        with pytest.raises(ResultLost):
            await asyncio.wait_for(waiting, 6.0)
