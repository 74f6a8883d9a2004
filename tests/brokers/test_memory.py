"""What is true of the memory broker beyond the contract: loops, threads, names, holders gone."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from asynq import _time
from asynq.backends.memory import MemoryBackend
from asynq.brokers import connect
from asynq.brokers.base import Bury, Parcel, Requeue, Settlement, StoredRecord
from asynq.brokers.memory import MemoryBroker
from asynq.exceptions import ImproperlyConfigured, OperationalError


@pytest.fixture
def broker(namespace: str) -> MemoryBroker:
    return MemoryBroker("memory://", namespace=namespace)


def parcel(id: str, **more) -> Parcel:
    return Parcel(id=id, queue="default", body=id.encode(), **more)


async def test_brokers_of_one_name_and_namespace_share_their_queues(broker, namespace):
    await broker.publish([parcel("a")])
    for url, space in [("memory://other", namespace), ("memory://", namespace + "2")]:
        assert await connect(url, namespace=space).depth("default") == 0
    assert await connect("memory://", namespace=namespace).depth("default") == 1


async def test_a_message_from_another_thread_wakes_a_receiver(broker, namespace):
    receiving = asyncio.create_task(broker.receive(["default"], limit=1, wait=10))
    await asyncio.sleep(0)

    def send() -> None:
        asyncio.run(MemoryBroker("memory://", namespace=namespace).publish([parcel("a")]))

    thread = threading.Thread(target=send)
    thread.start()
    (delivery,) = await receiving
    thread.join()
    assert delivery.id == "a"


def test_messages_outlive_the_loop_they_were_sent_from(broker, namespace):
    asyncio.run(broker.publish([parcel("a")]))
    other = MemoryBroker("memory://", namespace=namespace)
    (delivery,) = asyncio.run(other.receive(["default"], limit=5, wait=0))
    assert delivery.id == "a"


async def test_what_a_collected_broker_held_comes_out_again(broker, namespace):
    lost = MemoryBroker("memory://", namespace=namespace)
    await broker.publish([parcel("a")])
    await lost.receive(["default"], limit=1, wait=0)
    del lost
    gc.collect()
    (delivery,) = await broker.receive(["default"], limit=1, wait=0)
    assert delivery.redeliveries == 1


async def test_closing_wakes_a_receiver_with_an_error(broker):
    receiving = asyncio.create_task(broker.receive(["default"], limit=1, wait=10))
    await asyncio.sleep(0.01)
    await broker.aclose()
    with pytest.raises(OperationalError, match="closed"):
        await receiving


async def test_delays_follow_the_clock_of_asynq(broker, monkeypatch):
    await broker.publish([parcel("a", delay=3600)])
    assert await broker.receive(["default"], limit=1, wait=0) == []
    later = _time.time() + 3601
    monkeypatch.setattr(_time, "time", lambda: later)
    assert len(await broker.receive(["default"], limit=1, wait=0)) == 1


async def test_a_settlement_writes_the_record_where_the_backend_of_that_name_reads(
    broker, namespace
):
    backend = MemoryBackend("memory://", namespace=namespace)
    assert broker.unite(backend.location)
    await broker.publish([parcel("a")])
    (delivery,) = await broker.receive(["default"], limit=1, wait=0)
    waiting = asyncio.create_task(backend.wait("a"))
    settlement = Settlement(delivery=delivery, record=StoredRecord(id="a", body=b"{}"))
    assert await broker.settle([settlement]) == [True]
    assert await waiting == b"{}"


async def test_all_ten_priorities_are_told_apart(broker):
    await broker.publish([parcel(str(level), priority=level) for level in range(10)])
    deliveries = await broker.receive(["default"], limit=10, wait=0)
    assert [delivery.id for delivery in deliveries] == list("9876543210")


async def test_what_was_buried_can_be_looked_at(broker):
    await broker.publish([parcel("a")])
    (delivery,) = await broker.receive(["default"], limit=1, wait=0)
    await broker.settle([Settlement(delivery=delivery, verdict=Bury("not a message"))])
    (buried,) = await broker.buried("default")
    assert (buried.id, buried.reason) == ("a", "not a message")


async def test_a_delayed_requeue_waits(broker):
    await broker.publish([parcel("a")])
    (delivery,) = await broker.receive(["default"], limit=1, wait=0)
    await broker.settle([Settlement(delivery=delivery, verdict=Requeue(delay=3600))])
    assert await broker.receive(["default"], limit=1, wait=0) == []
    assert await broker.depth("default") == 1


def test_an_unknown_option_is_an_error():
    with pytest.raises(ImproperlyConfigured, match="speed"):
        MemoryBroker("memory://", namespace="n", options={"speed": 9})
