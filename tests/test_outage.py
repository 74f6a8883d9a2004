"""One agent's outage: waited out, said once, its end said too."""

import logging

import pytest

from asynq import outage as room
from asynq.exceptions import BrokerRefused, OperationalError
from asynq.outage import Outage


@pytest.fixture
def pauses(monkeypatch):
    """The pauses that would have been made."""
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    monkeypatch.setattr(room.asyncio, "sleep", sleep)
    return pauses


@pytest.fixture
def clock(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(room, "monotonic", lambda: clock[0])
    return clock


async def test_it_is_said_once_and_again_after_a_minute(pauses, clock, caplog):
    outage = Outage("fetch tasks")
    for _ in range(50):
        await outage.pause(OperationalError("gone"))
    assert [record.getMessage() for record in caplog.records] == [
        "Can't fetch tasks: gone. Trying again…"
    ]
    clock[0] += room.REPEAT_AFTER
    await outage.pause(OperationalError("gone"))
    assert len(caplog.records) == 2


async def test_pauses_grow_to_two_seconds_and_are_never_nothing(pauses, clock):
    outage = Outage("x")
    for _ in range(200):
        await outage.pause(OperationalError("gone"))
    assert max(pauses[:1]) <= 0.1
    assert 1 < max(pauses) <= room.LONGEST_PAUSE
    assert min(pauses) > 0


async def test_its_end_is_said_and_the_next_one_begins_anew(pauses, clock, caplog):
    outage = Outage("fetch tasks")
    outage.over()
    assert not caplog.records
    await outage.pause(OperationalError("gone"))
    clock[0] += 3
    with caplog.at_level(logging.WARNING):
        outage.over()
    assert caplog.records[-1].getMessage() == "Can fetch tasks again, after 3.0 s and 1 tries"
    await outage.pause(OperationalError("gone"))
    assert caplog.records[-1].getMessage().startswith("Can't fetch tasks")


async def test_who_is_refused_asks_seldom(pauses, clock):
    outage = Outage("fetch tasks")
    for _ in range(50):
        await outage.pause(BrokerRefused("wrong password"))
    assert min(pauses) >= room.FIRST_PAUSE_REFUSED
    assert max(pauses[:1]) <= room.FIRST_PAUSE_REFUSED
    assert 20 < max(pauses) <= room.LONGEST_PAUSE_REFUSED
    await outage.pause(OperationalError("gone"))
    assert pauses[-1] <= room.LONGEST_PAUSE
