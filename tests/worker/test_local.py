"""The workers of a machine are found by a socket each, and the dead leave no trace."""

import asyncio
import json
import socket
from glob import glob

import pytest

from asynq.worker.local import Place, ask


@pytest.fixture
async def listen(namespace):
    """Listens at a place, and answers as told."""
    listeners = []

    async def listen(hostname, answer=b"{}"):
        async def talk(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()  # until who asks has given up
            else:
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + answer)
            writer.close()

        place = Place(namespace, hostname)
        listeners.append((place, await asyncio.start_unix_server(talk, place.make())))
        return place

    yield listen
    for place, listener in listeners:
        listener.close()
        place.remove()


async def told(*args, **named):
    return await asyncio.to_thread(ask, *args, timeout=1.0, **named)


async def test_all_workers_of_an_app_are_asked_or_the_one_named(listen, namespace):
    for name in ("a@h", "b@h"):
        await listen(name, json.dumps({"hostname": name}).encode())
    assert sorted(one["hostname"] for one in await told(namespace, None)) == ["a@h", "b@h"]
    assert await told(namespace, "a@h") == [{"hostname": "a@h"}]
    assert await told(namespace, "c@h") == []
    assert await told(f"{namespace}-other", None) == []


async def test_what_a_killed_worker_left_is_cleared_away(namespace):
    place = Place(namespace, "a@h")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(place.make())
    assert place.directory.exists()
    assert await told(namespace, None) == []
    assert not place.directory.exists()


async def test_one_that_does_not_answer_is_told_from_one_that_is_not_there(listen, namespace):
    await listen("a@h", None)
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(ask, namespace, "a@h", timeout=0.1)


async def test_a_long_path_is_no_hindrance(listen, namespace, monkeypatch, directory):
    monkeypatch.setenv("ASYNQ_STATE_DIR", str(directory / ("x" * 100)))
    place = await listen("a@h")
    assert await told(namespace, None) == [{}]
    path = place.make()
    assert str(place.directory) not in path
    place.remove()
    assert path not in await asyncio.to_thread(glob, path)
