"""What follows from early acknowledged runs, and what it must not keep waiting."""

import asyncio

import pytest

from asynq.brokers.base import Parcel, StoredRecord
from asynq.exceptions import BrokerFull, OperationalError
from asynq.worker.asides import Asides, up_to
from asynq.worker.effects import Aside
from asynq.worker.worker import Worker
from tests.waiting import until


class Notes:
    """A broker and a backend that note what they are asked."""

    def __init__(self):
        self.calls = []
        self.failures = []

    async def store(self, records):
        self.calls.append(("store", [record.id for record in records]))

    async def publish(self, parcels, *, timeout):
        if self.failures:
            raise self.failures.pop()
        self.calls.append(("publish", [parcel.id for parcel in parcels]))


def aside(id, size=1):
    record = StoredRecord(id=id, body=b"x" * size)
    return Aside(record=record, publish=(Parcel(id=id, queue="q", body=b""),))


async def test_results_are_stored_before_the_next_runs_are_sent():
    notes = Notes()
    asides = Asides(notes, notes)
    asides.add(aside("1"))
    asides.add(aside("2"))
    running = asyncio.create_task(asides.run())
    await asides.drained()
    running.cancel()
    assert notes.calls == [("store", ["1", "2"]), ("publish", ["1", "2"])]


async def test_what_was_refused_is_tried_again_and_what_was_sent_is_not():
    notes = Notes()
    notes.failures = [OperationalError("away")]
    asides = Asides(notes, notes)
    running = asyncio.create_task(asides.run())
    asides.add(aside("1"))
    async with asyncio.timeout(10):
        await asides.drained()
    running.cancel()
    assert [call for call in notes.calls if call[0] == "publish"] == [("publish", ["1"])]


@pytest.mark.parametrize(("sizes", "count"), [((5, 5, 5), 2), ((50, 1), 1), ((1, 1), 2)])
def test_a_batch_is_bounded_in_bytes_and_has_one_at_least(sizes, count):
    asides = [aside(str(number), size) for number, size in enumerate(sizes)]
    assert up_to(asides, 100, 10) == asides[:count]


async def test_a_server_that_takes_nothing_new_lets_others_end(app, monkeypatch):
    tries = []

    async def full(parcels, *, timeout):
        tries.append(parcels)
        raise BrokerFull("no room")

    @app.task(acks_late=False, bind=True)
    async def again(self):
        raise self.retry(countdown=60)

    @app.task
    async def fine():
        return "fine"

    await again.delay()
    result = await fine.apply_async(countdown=0.2)
    connect = app.connect_broker

    def connected():
        broker = connect()
        monkeypatch.setattr(broker, "publish", full)
        return broker

    monkeypatch.setattr(app, "connect_broker", connected)
    monkeypatch.setattr("asynq.worker.steps.GOODBYE_SECONDS", 0.1)
    async with Worker(app):
        await until(lambda: tries)
        assert await result.get(timeout=10) == "fine"
