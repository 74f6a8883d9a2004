"""What the broker needs run is run for the queues of the time, and ends with the worker."""

import asyncio
import gc

import pytest

from asynq.worker.consumer import Consumer
from asynq.worker.state import WorkerState
from asynq.worker.upkeep import keep_up
from tests.waiting import until


class Kept:
    """A broker that remembers for which queues it was kept up."""

    def __init__(self):
        self.queues = []
        self.fails_when_stopped = False

    async def upkeep(self, queues):
        self.queues.append(tuple(queues))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.fails_when_stopped:
                raise LookupError("no server") from None
            raise


@pytest.fixture
def broker():
    return Kept()


@pytest.fixture
def consumer(broker):
    state = WorkerState("w")
    return Consumer(broker, ["a"], state, slots=1, reserve=0, trusted=lambda: True)


async def stopped(keeping):
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping


async def test_it_follows_the_queues_that_are_served(broker, consumer):
    keeping = asyncio.create_task(keep_up(broker, consumer))
    await until(lambda: broker.queues == [("a",)])
    consumer.serve(["a", "b"])
    await until(lambda: broker.queues == [("a",), ("a", "b")])
    await stopped(keeping)


async def test_what_fails_while_it_is_stopped_is_not_left_behind(broker, consumer, caplog):
    broker.fails_when_stopped = True
    keeping = asyncio.create_task(keep_up(broker, consumer))
    await until(lambda: broker.queues)
    await stopped(keeping)
    del keeping
    gc.collect()
    await asyncio.sleep(0)
    assert "never retrieved" not in caplog.text
