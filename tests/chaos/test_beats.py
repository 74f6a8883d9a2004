"""Three beats, their clocks three seconds wrong either way: each slot is fired once. T38."""

import asyncio
import random

import pytest

from tests.chaos.beats import Stage
from tests.waiting import until


@pytest.fixture
def stage(own_server, namespace, directory):
    stage = Stage(own_server(), namespace, directory, random.Random(38))
    yield stage
    stage.close()


async def test_t38_beats_that_are_killed_and_frozen_fire_every_slot_once(stage):
    await stage.begin()
    # One that has fired already: what is due while it is frozen, another must fire.
    [leader] = await until(lambda: [at for at in stage.leaders() if stage.beats[at].fired])
    async with asyncio.TaskGroup() as faults:
        faults.create_task(stage.freeze(leader, 6.5))  # longer than its lease
        await asyncio.sleep(1.5)
        faults.create_task(stage.kill((leader + 1) % 3, pause=1.0))
    await stage.end()
    tally = stage.tally()
    assert tally.slots >= 3 * 7
    assert tally.faults == 0, tally
    assert max(tally.lateness) < 5_000, tally
    assert sum(beat.fired > 0 for beat in stage.started) > 1  # it was not one alone


async def test_t38_beats_beside_who_leads_do_no_more_than_look(stage):
    await stage.begin()
    await asyncio.sleep(3)
    await stage.end()
    tally = stage.tally()
    assert tally.faults == 0, tally
    fired = sorted(beat.fired for beat in stage.started)
    assert sum(fired) == tally.slots
    assert fired[-1] > tally.slots // 2
