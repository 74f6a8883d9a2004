"""Two workers are stopped and replaced in turn, ten times, under load: nothing is even repeated."""

import asyncio
import random
import signal
import time

from tests.chaos.load import Load

GRACE = 5.0
KINDS = {"quick", "sleeping", "threaded", "delayed"}


async def test_a_rolling_restart_loses_nothing_and_repeats_nothing(app, fleet, checks):
    load = Load(app, fleet.ledger, random.Random(3), rate=60.0, only=KINDS)
    arguments = ("-c", "10", "--grace", str(GRACE))
    workers = [await fleet.start(*arguments) for _ in range(2)]
    sending = asyncio.ensure_future(load.run(3600))
    try:
        slowest = 0.0
        for turn in range(10):
            # As a deployment does: the next one takes tasks before the old one is told to stop.
            old, new = workers.pop(0), await fleet.start(*arguments)
            workers.append(new)
            began = time.monotonic()
            old.signal(signal.SIGTERM)
            assert await old.ended() == 0, f"turn {turn}: {old.said}"
            slowest = max(slowest, time.monotonic() - began)
    finally:
        load.stop()
        await sending
    assert await checks.drained(within=20) == []
    tally = checks.tally()
    assert tally.tasks > 100
    assert (tally.duplicates, tally.fenced, tally.faults) == (0, 0, [])
    assert slowest < GRACE
    await checks.clean()
