"""More slots while work waits and the loop keeps up, fewer when it does not."""

import pytest

from asynq import Worker
from asynq.brokers.base import Delivery
from asynq.exceptions import ImproperlyConfigured
from asynq.worker.autoscale import IDLE_SECONDS, Autoscaler
from asynq.worker.consumer import Consumer
from asynq.worker.state import WorkerState


@pytest.fixture
def state():
    return WorkerState("w@h")


@pytest.fixture
def consumer(broker, state):
    return Consumer(broker, ["q"], state, slots=4, reserve=4, trusted=lambda: False)


@pytest.fixture
def autoscaler(consumer, state):
    scaler = Autoscaler(consumer, state, reserve=lambda slots: slots)
    scaler.switch_on(20, 2)
    return scaler


def busy(consumer, state):
    while consumer.free > 0:
        consumer._slot_taken()
    state.reserved.append(Delivery(id="waits", queue="q", body=b""))


async def test_while_work_waits_there_are_half_as_many_again_each_time(autoscaler, consumer, state):
    busy(consumer, state)
    seen = []
    for _ in range(6):
        autoscaler.look(late=0.0)
        seen.append(consumer.slots)
        busy(consumer, state)
    assert seen == [6, 9, 13, 19, 20, 20]


async def test_a_loop_that_answers_late_has_a_quarter_fewer(autoscaler, consumer, state):
    busy(consumer, state)
    for _ in range(6):
        autoscaler.look(late=1.0)
    assert consumer.slots == 2


async def test_slots_that_are_idle_for_half_a_minute_go(autoscaler, consumer):
    consumer._slot_taken()
    for _ in range(int(IDLE_SECONDS) - 1):
        autoscaler.look(late=0.0)
    assert consumer.slots == 4
    autoscaler.look(late=0.0)
    assert consumer.slots == 2


async def test_off_it_does_nothing(consumer, state):
    busy(consumer, state)
    Autoscaler(consumer, state, reserve=lambda slots: slots).look(late=0.0)
    assert consumer.slots == 4


async def test_a_worker_begins_with_the_fewest(app):
    assert Worker(app, autoscale=(10, 3)).concurrency == 3
    assert Worker(app, autoscale=(10, 3), concurrency=5).concurrency == 5


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"autoscale": (1, 2)}, "expected MAX,MIN with 1 <= MIN <= MAX, got 1,2"),
        ({"autoscale": (4, 2), "concurrency": 9}, "concurrency 9 is not within"),
    ],
)
def test_bounds_must_make_sense(app, options, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        Worker(app, **options)
