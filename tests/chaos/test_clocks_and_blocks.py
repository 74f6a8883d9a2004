"""A wrong clock, a blocked event loop, a task that a worker does not know. T26, T31, T36."""

import asyncio
import signal
import time

import pytest

from asynq.exceptions import TaskRevokedError
from tests.chaos.fleet import LEASE, SkewedWorker
from tests.waiting import until

HOUR = 3600.0


async def test_t26_a_task_of_a_newer_release_waits_for_a_worker_that_knows_it(fleet, checks, send):
    old = await fleet.start()
    result = await send("newcomer")
    await until(lambda: "newcomer" in old.said)
    assert await (await send("quick", 1)).get(timeout=10) == 1
    await fleet.start(CHAOS_NEW_TASK="1")
    old.signal(signal.SIGTERM)
    assert await result.get(timeout=20) == "known"
    assert len(fleet.ledger.read().runs(result.id)) == 1
    tally = checks.tally()
    assert (tally.duplicates, tally.faults) == (0, [])
    await checks.clean()


async def test_t31_a_blocked_event_loop_loses_no_lease_and_is_named_in_the_log(fleet, checks, send):
    first = await fleet.start()
    await fleet.start()
    result = await send("blocking", 5 * LEASE)
    worker = await fleet.running(result.id)
    assert await result.get(timeout=30) == 5 * LEASE
    assert len(fleet.ledger.read().runs(result.id)) == 1
    assert "The event loop has been blocked" in worker.said
    assert "in blocking" in worker.said
    assert worker.fenced + worker.leases_lost == 0
    assert first.alive
    assert checks.tally().faults == []


async def test_t31_code_that_grips_the_interpreter_loses_its_lease_and_ends_once(
    fleet, checks, send
):
    first = await fleet.start("-c", "1")
    result = await send("gripping", 4 * LEASE)
    await fleet.running(result.id)
    second = await fleet.start("-c", "1")
    assert await result.get(timeout=30) == 4 * LEASE
    await until(lambda: first.fenced + first.leases_lost == 1)
    runs = fleet.ledger.read().runs(result.id)
    assert [run.pid for run in runs] == [first.pid, second.pid]
    assert first.alive
    assert checks.tally().faults == []
    await checks.clean()


async def test_t36_a_worker_with_a_wrong_clock_is_neither_early_nor_late(fleet, checks, send):
    for skew in (HOUR, -HOUR):
        await fleet.start(kind=SkewedWorker, CHAOS_SKEW=str(skew))
    began = time.time()
    long = [await send("sleeping", 2 * LEASE) for _ in range(4)]
    later = [await send("quick", countdown=1.0) for _ in range(6)]
    short = [await send("quick", expires=30.0) for _ in range(6)]
    over = [await send("quick", kind="revoked", countdown=1.0, expires=0.3) for _ in range(6)]
    await asyncio.gather(*(result.get(timeout=20) for result in [*long, *later, *short]))
    for result in later:
        (run,) = fleet.ledger.read().runs(result.id)
        assert 1.0 <= run.at - began < 4.0
    for result in over:
        with pytest.raises(TaskRevokedError, match="expired"):
            await result.get(timeout=10)
        assert fleet.ledger.read().runs(result.id) == []
    tally = checks.tally()
    assert (tally.duplicates, tally.fenced, tally.faults) == (0, 0, [])
    await checks.clean()
