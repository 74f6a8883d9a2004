"""What is true of the memory backend beyond the contract."""

from __future__ import annotations

import asyncio
import threading

import pytest

from asynq import _time
from asynq.backends.memory import MemoryBackend
from asynq.brokers.base import StoredRecord


@pytest.fixture
def backend(namespace: str) -> MemoryBackend:
    return MemoryBackend("memory://", namespace=namespace)


async def test_a_record_stored_in_another_thread_wakes_a_waiter(backend, namespace):
    waiting = asyncio.create_task(backend.wait("a"))
    await asyncio.sleep(0)
    other = MemoryBackend("memory://", namespace=namespace)
    record = StoredRecord(id="a", body=b"8")
    thread = threading.Thread(target=lambda: asyncio.run(other.store([record])))
    thread.start()
    assert await waiting == b"8"
    thread.join()


async def test_time_to_live_follows_the_clock_of_asynq(backend, monkeypatch):
    await backend.store([StoredRecord(id="a", body=b"8", ttl=60)])
    assert await backend.fetch(["a"]) == [b"8"]
    later = _time.monotonic() + 61
    monkeypatch.setattr(_time, "monotonic", lambda: later)
    assert await backend.fetch(["a"]) == [None]


async def test_a_later_write_gives_a_record_another_life(backend, monkeypatch):
    await backend.store([StoredRecord(id="a", body=b"1", ttl=60)])
    await backend.store([StoredRecord(id="a", body=b"2", ttl=600)])
    later = _time.monotonic() + 61
    monkeypatch.setattr(_time, "monotonic", lambda: later)
    assert await backend.fetch(["a"]) == [b"2"]


async def test_nothing_is_left_of_waiters_that_gave_up(backend):
    waiting = asyncio.create_task(backend.wait("a"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not backend._boxes
    assert not backend._records._listeners
