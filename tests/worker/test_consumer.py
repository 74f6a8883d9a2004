"""As many messages as there are free slots, and a small reserve."""

import asyncio
from collections import deque

import pytest

from asynq.brokers.base import Bounds, Delivery
from asynq.exceptions import BrokerRefused, ImproperlyConfigured, OperationalError
from asynq.wire.rules import Rules
from asynq.worker.consumer import FULL_SECONDS, WAIT_SECONDS, Consumer
from asynq.worker.state import WorkerState
from tests.waiting import until


class Source:
    """A broker to receive from. Errors that wait in it come first."""

    def __init__(self, count=0):
        self.waiting = deque(Delivery(id=str(n), queue="q", body=b"") for n in range(count))
        self.errors = deque()
        self.limits = []

    async def receive(self, queues, *, limit, wait, bounds=None):
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.popleft()
        self.limits.append(limit)
        if not self.waiting:
            await asyncio.Event().wait()
        return [self.waiting.popleft() for _ in range(min(limit, len(self.waiting)))]


class Running:
    """Takes what the consumer starts; a run ends when it is told to."""

    def __init__(self, consumer, state, *, at_once=False):
        self.consumer = consumer
        self.state = state
        self.slots = {}
        self.begun = []
        self.most = 0
        self.at_once = at_once

    def start(self, delivery, slot):
        self.begun.append(delivery.id)
        self.slots[delivery.id] = slot
        self.most = max(self.most, len(self.slots))
        if self.at_once:
            self.end(delivery.id)

    def end(self, id):
        self.slots.pop(id).free()


@pytest.fixture
async def consuming():
    tasks = []

    def consume(source, *, slots=2, reserve=0, trusted=lambda: True, at_once=False):
        state = WorkerState("w")
        consumer = Consumer(source, ["q"], state, slots=slots, reserve=reserve, trusted=trusted)
        running = Running(consumer, state, at_once=at_once)
        running.task = asyncio.create_task(consumer.run(running.start))
        tasks.append(running.task)
        return running

    yield consume
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_slots_are_filled_and_never_exceeded(consuming):
    source = Source(10)
    running = consuming(source)
    for number in range(10):
        await until(lambda number=number: str(number) in running.slots)
        assert len(running.slots) <= 2
        running.end(str(number))
    assert running.begun == [str(number) for number in range(10)]
    assert running.most == 2


async def test_nothing_is_read_while_there_is_no_room(consuming):
    source = Source(10)
    running = consuming(source)
    await until(lambda: len(running.slots) == 2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(source.waiting) == 8
    assert source.limits == [2]


async def test_a_reserve_waits_for_slots_and_is_begun_without_a_read(consuming):
    source = Source(10)
    running = consuming(source, reserve=3)
    await until(lambda: len(running.state.reserved) == 3)
    assert source.limits == [5]
    running.end("0")
    assert running.begun == ["0", "1", "2"]


async def test_what_ends_at_once_frees_its_slot_however_much_is_reserved(consuming):
    source = Source(5000)
    running = consuming(source, slots=1, reserve=4999, at_once=True)
    await until(lambda: len(running.begun) == 5000)
    assert running.begun == [str(number) for number in range(5000)]
    assert running.most == 1


async def test_a_lent_slot_lets_another_begin_and_is_taken_back(consuming):
    source = Source(3)
    running = consuming(source, slots=1)
    await until(lambda: "0" in running.slots)
    with running.slots["0"].lend():
        await until(lambda: "1" in running.slots)
    running.end("1")  # it makes room for the one that has its result now, not for a third
    for _ in range(20):
        await asyncio.sleep(0)
    assert running.begun == ["0", "1"]
    running.end("0")
    await until(lambda: "2" in running.slots)


async def test_nothing_is_begun_while_leases_are_not_trusted(consuming):
    source, trust = Source(1), [False]
    running = consuming(source, trusted=lambda: trust[0])
    for _ in range(20):
        await asyncio.sleep(0)
    assert source.limits == []
    trust[0] = True
    await until(lambda: running.begun == ["0"])


async def test_what_is_reserved_waits_for_trust_too(consuming):
    source, trust = Source(2), [True]
    running = consuming(source, slots=1, reserve=1, trusted=lambda: trust[0])
    await until(lambda: len(running.state.reserved) == 1)
    trust[0] = False
    running.end("0")
    for _ in range(20):
        await asyncio.sleep(0)
    assert running.begun == ["0"]
    trust[0] = True
    await until(lambda: running.begun == ["0", "1"])


async def test_an_outage_is_waited_out(consuming):
    source = Source(1)
    source.errors.extend([OperationalError("gone")] * 3)
    running = consuming(source)
    await until(lambda: running.begun == ["0"])
    assert running.state.reached.is_set()


async def test_a_refusal_from_the_start_ends_it(consuming):
    source = Source(1)
    source.errors.append(BrokerRefused("redis://h: it refuses the password"))
    running = consuming(source)
    with pytest.raises(ImproperlyConfigured, match="it refuses the password"):
        await running.task


async def test_another_agent_may_have_reached_the_server_before_it_refuses_us(consuming):
    source = Source(1)
    source.errors.append(BrokerRefused("redis://h: the user may not read"))
    running = consuming(source)
    running.state.reached.set()
    with pytest.raises(ImproperlyConfigured, match="may not read"):
        await running.task


async def test_a_refusal_later_is_an_outage_like_others(consuming):
    source = Source(2)
    running = consuming(source, slots=1)
    await until(lambda: running.begun == ["0"])
    source.errors.append(BrokerRefused("redis://h: it refuses the password"))
    running.end("0")
    await until(lambda: running.begun == ["0", "1"])


async def test_stopping_begins_nothing_more_and_gives_back_the_reserve(consuming):
    source = Source(5)
    running = consuming(source, slots=1, reserve=3)
    await until(lambda: len(running.state.reserved) == 3)
    left = running.consumer.stop()
    assert [delivery.id for delivery in left] == ["1", "2", "3"]
    running.end("0")
    assert running.begun == ["0"]
    assert not running.state.reserved


async def test_other_queues_are_served_at_once_and_however_often_that_changes(consuming):
    class Queues(Source):
        asked = ()

        async def receive(self, queues, *, limit, wait, bounds=None):
            self.asked = tuple(queues)
            return await super().receive(queues, limit=limit, wait=wait)

    source = Queues()
    running = consuming(source)
    await until(lambda: source.asked == ("q",))
    for queues in (["q", "a"], ["a"], [], ["b", "c"]):
        running.consumer.serve(queues)
        await until(lambda queues=queues: source.asked == tuple(queues))
    running.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running.task


async def test_who_is_ended_while_queues_change_ends(consuming):
    running = consuming(Source())
    await until(lambda: running.consumer._fetcher is not None)
    running.consumer.serve(["other"])
    running.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running.task, 5)


async def test_a_change_that_comes_too_late_is_nobodys_end(consuming):
    class Stubborn(Source):
        """Gives what it has, though it is told to stop."""

        async def receive(self, queues, *, limit, wait, bounds=None):
            try:
                return await super().receive(queues, limit=limit, wait=wait)
            except asyncio.CancelledError:
                if len(queues) > 1:
                    raise
                return []

    source = Stubborn()
    running = consuming(source)
    await until(lambda: source.limits)
    running.consumer.serve(["q"])
    await until(lambda: len(source.limits) == 2)
    assert running.task.cancelling() == 0
    running.consumer.serve(["q", "r"])
    await until(lambda: len(source.limits) == 3)
    running.consumer.serve(["q", "s"])
    await until(lambda: len(source.limits) == 4)
    assert not running.task.done()


async def test_slots_may_be_more_and_fewer_while_tasks_run(consuming):
    source = Source(10)
    running = consuming(source, slots=2)
    await until(lambda: len(running.slots) == 2)
    running.consumer.resize(4, 0)
    await until(lambda: len(running.slots) == 4)
    running.consumer.resize(1, 0)
    assert running.consumer.free == -3
    for id in list(running.slots)[:3]:
        running.end(id)
    assert len(running.slots) == 1
    running.end(next(iter(running.slots)))
    await until(lambda: len(running.begun) == 5)
    assert len(running.slots) == 1


# What is paused and limited


class Told(Source):
    """Remembers what it is asked for, and answers nothing."""

    def __init__(self):
        super().__init__()
        self.asked = []

    async def receive(self, queues, *, limit, wait, bounds=None):
        self.asked.append((tuple(queues), wait, bounds))
        await asyncio.Event().wait()


async def test_nothing_is_fetched_before_that(consuming):
    source, after = Told(), asyncio.Event()
    state = WorkerState("w")
    consumer = Consumer(source, ["q"], state, slots=1, reserve=0, trusted=lambda: True)
    running = asyncio.create_task(consumer.run(lambda delivery, slot: None, after=after))
    for _ in range(20):
        await asyncio.sleep(0)
    assert source.asked == []
    after.set()
    await until(lambda: source.asked)
    running.cancel()


async def test_who_waits_asks_again_when_the_rules_change(consuming):
    source = Told()
    running = consuming(source)
    await until(lambda: source.asked)
    running.consumer.heed(Rules(limits={"q": 3}))
    await until(lambda: len(source.asked) == 2)
    running.consumer.heed(Rules(paused=frozenset({"q"}), limits={"q": 3}))
    await until(lambda: len(source.asked) == 3)
    assert source.asked == [
        (("q",), WAIT_SECONDS, None),
        (("q",), WAIT_SECONDS, Bounds({"q": 3}, 2)),
        ((), WAIT_SECONDS, None),
    ]


async def test_while_all_slots_are_taken_nothing_limited_is_asked_for(consuming):
    class Busy(Source):
        async def receive(self, queues, *, limit, wait, bounds=None):
            if bounds is not None:
                self.limits.append((wait, bounds.most))
            return await super().receive(queues, limit=limit, wait=wait)

    source = Busy(2)
    running = consuming(source, reserve=1)
    await until(lambda: len(running.slots) == 2)
    running.consumer.heed(Rules(limits={"q": 3}))
    await until(lambda: (FULL_SECONDS, 0) in source.limits)


async def test_who_is_stopped_while_the_rules_change_stops(consuming):
    source = Told()
    running = consuming(source)
    await until(lambda: source.asked)
    running.consumer.heed(Rules(limits={"q": 3}))
    running.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running.task


async def test_what_is_reserved_of_a_paused_queue_is_given_back(consuming):
    source = Source(5)
    running = consuming(source, reserve=3)
    await until(lambda: len(running.state.reserved) == 3)
    back = running.consumer.heed(Rules(paused=frozenset({"q"})))
    assert [one.id for one in back] == ["2", "3", "4"]
    assert not running.state.reserved
