"""A worker learns what is paused: at once, or late, and never not at all."""

import asyncio

import pytest

from asynq.brokers.base import Delivery
from asynq.exceptions import BrokerRefused, OperationalError
from asynq.wire.rules import Rules
from asynq.worker.rules import RuleKeeper
from tests.waiting import until

PAUSED = {"queue-paused:images": "1", "task-paused:add": "1"}
HELD = Delivery(id="1", queue="images", body=b"")


class Kept:
    """A broker that keeps rules. Errors that wait in it come first."""

    def __init__(self):
        self.texts = {}
        self.errors = []
        self.asked = 0
        self.unparked = []

    async def rules(self):
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return dict(self.texts)

    async def unpark(self, queues, *, keep=()):
        self.unparked.append((tuple(queues), set(keep)))
        return 0


@pytest.fixture
async def keeping():
    tasks = []

    def keep(broker, *, every=3600.0, held=()):
        told, back = [], []

        def heed(rules):
            told.append(rules)
            return list(held)

        keeper = RuleKeeper(
            broker, queues=lambda: ["images"], heed=heed, hand_back=back.extend, every=every
        )
        keeper.told, keeper.back = told, back
        tasks.append(asyncio.create_task(keeper.run()))
        return keeper

    yield keep
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_holds_is_known_before_anything_is_fetched(keeping):
    broker = Kept()
    broker.texts = dict(PAUSED)
    keeper = keeping(broker, held=[HELD])
    await keeper.known.wait()
    assert keeper.told == [Rules.read(PAUSED)]
    assert keeper.back == [HELD]


async def test_what_is_not_paused_is_made_ready(keeping):
    broker = Kept()
    broker.texts = dict(PAUSED)
    keeping(broker)
    await until(lambda: broker.unparked)
    assert broker.unparked == [(("images",), {"add"})]


async def test_rules_that_stay_are_told_once(keeping):
    broker = Kept()
    broker.texts = dict(PAUSED)
    keeper = keeping(broker)
    await keeper.known.wait()
    keeper.changed()
    await until(lambda: broker.asked == 2)
    assert len(keeper.told) == 1


async def test_a_change_is_read_when_it_is_told(keeping):
    broker = Kept()
    keeper = keeping(broker)
    await keeper.known.wait()
    assert keeper.told == []
    broker.texts = dict(PAUSED)
    keeper.changed()
    await until(lambda: keeper.told == [Rules.read(PAUSED)])


async def test_a_change_that_was_not_heard_is_read_before_long(keeping):
    broker = Kept()
    keeper = keeping(broker, every=0.02)
    await keeper.known.wait()
    broker.texts = dict(PAUSED)
    await until(lambda: keeper.told == [Rules.read(PAUSED)])


async def test_a_server_that_is_away_is_waited_for(keeping):
    broker = Kept()
    broker.errors = [OperationalError("gone")]
    keeper = keeping(broker)
    await asyncio.sleep(0)
    assert not keeper.known.is_set()
    await keeper.known.wait()
    assert broker.asked == 2


async def test_one_that_refuses_us_is_left_to_who_fetches(keeping):
    broker = Kept()
    broker.errors = [BrokerRefused("no password")]
    await keeping(broker).known.wait()
