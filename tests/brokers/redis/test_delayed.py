from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest

from asynq._redis.client import Server
from asynq._redis.pipeline import Pipeline, shared
from asynq.brokers.base import (
    Advance,
    Join,
    Requeue,
    Settlement,
    Step,
    StoredRecord,
    Workflow,
)
from asynq.brokers.redis import delayed
from asynq.brokers.redis.broker import RedisBroker
from asynq.brokers.redis.clock import Clock
from asynq.brokers.redis.delayed import LONGEST_SLEEP, Soon, move_due
from asynq.brokers.schedules import Declared, Firing
from tests.brokers.redis.conftest import Connect, Looker, parcel, parcels, take
from tests.waiting import until


async def test_what_is_due_goes_to_its_level(broker: RedisBroker, look: Looker, url: str):
    for priority in (0, 3, 6, 9):
        await broker.publish([parcel(priority, priority=priority, delay=0.001)])
    await broker.publish([parcel("far", delay=60.0)])
    pipe = shared(Server(url))
    await asyncio.sleep(0.01)
    assert await move_due(pipe, look.keys, ["q"], Clock()) == LONGEST_SLEEP
    for priority in (0, 3, 6, 9):
        (fields,) = look.entries(look.keys.lane("q", priority))
        assert fields == {b"i": f"id-{priority}".encode(), b"m": b"{}"}
    assert look.command("HKEYS", look.keys.delayed_messages("q")) == [b"id-far"]
    await pipe.aclose()


async def test_the_next_look_is_when_the_next_is_due(broker: RedisBroker, look: Looker, url: str):
    await broker.publish([parcel("soon", delay=0.3)])
    pipe = shared(Server(url))
    assert 0.1 < await move_due(pipe, look.keys, ["q", "other"], Clock()) <= 0.3
    await pipe.aclose()


async def test_any_number_is_moved_and_nothing_twice(broker: RedisBroker, look: Looker, url: str):
    await broker.publish(parcels(1050, delay=0.001))
    await asyncio.sleep(0.01)
    pipe = shared(Server(url))
    await asyncio.gather(*(move_due(pipe, look.keys, ["q"], Clock()) for _ in range(4)))
    ids = [fields[b"i"] for fields in look.entries(look.keys.lane("q", 0))]
    assert len(ids) == len(set(ids)) == 1050
    await pipe.aclose()


async def test_a_message_that_is_missing_is_only_forgotten(
    broker: RedisBroker, look: Looker, url: str
):
    look.command("ZADD", look.keys.delayed("q"), 1, "ghost", 2, "broken")
    look.command("HSET", look.keys.delayed_messages("q"), "broken", "no bars")
    pipe = shared(Server(url))
    await move_due(pipe, look.keys, ["q"], Clock())
    assert look.length() == 0
    assert look.command("EXISTS", look.keys.delayed("q"), look.keys.delayed_messages("q")) == 0
    await pipe.aclose()


async def test_bytes_of_any_kind_come_back_as_they_went(broker: RedisBroker):
    body = bytes(range(256)) * 4 + b"|9|\n"
    upkeep = asyncio.ensure_future(broker.upkeep(["q"]))
    await broker.publish([parcel("odd", body=body, delay=0.01)])
    (delivery,) = await take(broker, 1)
    assert delivery.body == body
    await broker.settle([Settlement(delivery=delivery, verdict=Requeue(delay=0.01))])
    (delivery,) = await take(broker, 1)
    assert delivery.body == body
    upkeep.cancel()
    await asyncio.wait([upkeep])


async def test_upkeep_goes_on_after_the_server_was_away(connect: Connect, look: Looker):
    broker = connect()
    upkeep = asyncio.ensure_future(broker.upkeep(["q"]))
    look.command("SET", look.keys.delayed("q"), "in the way")
    await asyncio.sleep(0.05)
    look.command("CLIENT", "KILL", "TYPE", "normal")
    look.command("DEL", look.keys.delayed("q"))
    await broker.publish([parcel("d", delay=0.01)])
    (delivery,) = await take(broker, 1)
    assert delivery.id == "id-d"
    upkeep.cancel()
    await asyncio.wait([upkeep])


# Due before the workers look again


@pytest.fixture
def rare_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only looks now and then is very late."""
    monkeypatch.setattr(delayed, "LONGEST_SLEEP", 30.0)


async def lateness(broker: RedisBroker, *, delay: float) -> float:
    """Seconds between when a message is due and when it is there."""
    due = asyncio.get_running_loop().time() + delay
    (_,) = await take(broker, 1)
    return asyncio.get_running_loop().time() - due


@pytest.mark.both_loops
async def test_what_is_due_in_a_moment_comes_then_wherever_it_was_sent(
    connect: Connect, rare_looks: None
):
    worker, client = connect(), connect()
    await worker.receive(["q"], limit=1, wait=0)
    upkeep = asyncio.ensure_future(worker.upkeep(["q"]))
    await client.publish([parcel("far", delay=60.0)])
    for options in ({"delay": 0.2}, {"due": time.time() + 0.4}):
        await asyncio.sleep(0.01)
        await client.publish([parcel("soon", **options)])
        waits = options.get("delay") or options["due"] - time.time()
        assert await lateness(worker, delay=waits) < 10.0
    upkeep.cancel()
    await asyncio.wait([upkeep])


async def test_what_is_handed_back_for_a_moment_comes_then(broker: RedisBroker, rare_looks: None):
    upkeep = asyncio.ensure_future(broker.upkeep(["q"]))
    await broker.publish([parcel()])
    (delivery,) = await take(broker, 1)
    after = parcel("after", delay=0.4)
    again = Settlement(delivery=delivery, verdict=Requeue(delay=0.2), publish=(after,))
    assert await broker.settle([again]) == [True]
    assert await lateness(broker, delay=0.2) < 10.0
    assert await lateness(broker, delay=0.2) < 10.0
    upkeep.cancel()
    await asyncio.wait([upkeep])


async def test_many_due_in_a_moment_are_moved_without_a_worker(broker: RedisBroker, look: Looker):
    await broker.publish(parcels(350, delay=0.05))
    await broker.publish(parcels(50, queue="other", delay=0.1))
    async with asyncio.timeout(10):
        while look.length() < 350 or look.length("other") < 50:
            await asyncio.sleep(0.01)


# Nobody looks here but who put it there: no worker runs


async def test_what_a_workflow_begins_with_is_moved_by_who_launches_it(
    broker: RedisBroker, look: Looker
):
    begin = [parcel("now"), parcel("delayed", delay=0.05), parcel("due", due=time.time() + 0.1)]
    await broker.workflows().launch(workflow(), begin)
    await until(lambda: look.length() == 3)


async def test_what_a_periodic_task_sends_is_moved_by_who_fires_it(
    broker: RedisBroker, look: Looker
):
    schedules = broker.schedules()
    await schedules.add("a", Declared("daily", b"at noon"))
    [entry] = (await schedules.look()).entries or ()
    begin = [parcel("delayed", delay=0.05)]
    firing = Firing(
        name="a", revision=entry.revision, last=entry.last, slot=None, id="x", begin=begin
    )
    assert (await schedules.fire(firing)).verdict == "fired"
    await until(lambda: look.length() == 1)


def workflow(**more: Any) -> Workflow:
    return Workflow(id="w", ttl=60.0, kept=60.0, **more)


def step(name: int | str, *, queue: str = "later", delay: float = 0.05) -> Step:
    return Step(parcel=parcel(name, queue=queue, delay=delay))


async def begin(broker: RedisBroker, advance: Advance, **more: Any) -> None:
    """Settle something that moves a workflow on."""
    await broker.publish([parcel()])
    (delivery,) = await take(broker, 1)
    settlement = Settlement(delivery=delivery, advance=(advance,), **more)
    assert await broker.settle([settlement]) == [True]


async def test_steps_that_begin_are_moved_by_who_settled_what_was_before_them(
    broker: RedisBroker, look: Looker
):
    steps = {number: step(number) for number in range(1, 300)}
    steps |= {300: step("other", queue="other"), 301: step("last", delay=0.1)}
    await broker.workflows().keep(workflow(steps=steps))
    await begin(broker, Advance(workflow="w", start=((1, 301),)))
    await until(lambda: (look.length("later"), look.length("other")) == (300, 1))


async def test_so_are_those_that_a_join_leads_to_through_another(broker: RedisBroker, look: Looker):
    inner = Join(size=1, join=(2, 0))
    joins = {1: inner, 2: Join(size=1, start=((7, 7),))}
    await broker.workflows().keep(workflow(steps={7: step("body")}, joins=joins))
    await begin(broker, Advance(workflow="w", input=b"8", join=(1, 0)))
    await until(lambda: look.length("later") == 1)


async def test_so_are_those_beside_a_result_that_can_not_be_written(
    broker: RedisBroker, look: Looker, caplog: pytest.LogCaptureFixture
):
    look.command("SET", look.keys.reply("taken"), "somebody's")
    await broker.workflows().keep(workflow(steps={1: step("a")}))
    record = StoredRecord(id="id-0", body=b"8", ttl=9.0, reply_to="taken")
    await begin(broker, Advance(workflow="w", start=((1, 1),)), record=record)
    assert "1 results could not be stored" in caplog.text
    await until(lambda: look.length("later") == 1)


async def test_steps_that_wait_long_are_left_to_the_workers(broker: RedisBroker, look: Looker):
    steps = {1: step("near"), 2: step("far", delay=60.0)}
    await broker.workflows().keep(workflow(steps=steps))
    await begin(broker, Advance(workflow="w", start=((1, 2),)))
    await until(lambda: look.length("later") == 1)
    before = commands(look)
    await asyncio.sleep(0.2)
    assert commands(look) == before


class Slow:
    """A pipeline that answers when told."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.asked: list[asyncio.Future[Any]] = []

    def call(self, *words: object) -> asyncio.Future[Any]:
        self.asked.append(self.loop.create_future())
        return self.asked[-1]


async def test_a_slow_answer_makes_nothing_late(look: Looker):
    slow = Slow()
    soon = Soon(cast("Pipeline", slow), look.keys, Clock())
    sent = slow.loop.create_future()
    soon.expect([("q", 0.01), ("q", 0.1)], sent)
    sent.set_result(1)
    await until(lambda: len(slow.asked) == 1)
    await asyncio.sleep(0.1)
    slow.asked[0].set_result([1, b"1050", 1000])  # the other was due 50 ms after we asked
    await until(lambda: len(slow.asked) == 2)
    slow.asked[1].set_result([1, b"9000", 1050])  # and this one is a stranger's
    await asyncio.sleep(0.05)
    assert len(slow.asked) == 2


async def test_nothing_is_asked_when_nothing_is_due_in_a_moment(broker: RedisBroker, look: Looker):
    await broker.publish([parcel("far", delay=60.0), parcel("soon", delay=0.01)])
    await until(lambda: look.length() == 1)
    before = commands(look)
    await asyncio.sleep(0.2)
    assert commands(look) == before


async def test_a_client_that_is_closed_moves_nothing_more(connect: Connect, look: Looker):
    client = connect()
    await client.publish([parcel("soon", delay=0.05)])
    await client.aclose()
    await asyncio.sleep(0.1)
    assert look.length() == 0


def commands(look: Looker) -> int:
    """How many scripts the server has run."""
    told = look.command("INFO", "commandstats").decode()
    (line,) = [line for line in told.splitlines() if line.startswith("cmdstat_evalsha:")]
    return int(line.partition("calls=")[2].partition(",")[0])


async def test_a_look_at_many_queues_is_one_question_and_moves_what_is_due(
    broker: RedisBroker, look: Looker, url: str
):
    queues = [f"q{number}" for number in range(20)]
    await broker.publish([parcel("far", delay=60.0), parcel("due", queue="q7", delay=0.001)])
    await asyncio.sleep(0.01)
    pipe, clock = shared(Server(url)), Clock()
    await move_due(pipe, look.keys, ["q", *queues], clock)
    assert look.length("q7") == 1
    assert clock.is_known
    before = commands(look)
    for _ in range(3):
        assert await move_due(pipe, look.keys, ["q", *queues], clock) == LONGEST_SLEEP
    assert commands(look) == before + 3
    await pipe.aclose()


@pytest.mark.both_loops
async def test_two_that_are_due_this_moment_are_moved_by_one_look(
    broker: RedisBroker, look: Looker, url: str
):
    pipe = shared(Server(url))
    soon = Soon(pipe, look.keys, Clock())
    await broker.publish([parcel("a", delay=60.0)])
    for _ in range(2):
        soon.stored("q", -1.0)
    await until(lambda: not soon._alarms)
    soon.close()
    await pipe.aclose()
