"""Tasks that kill, that never end, and that nobody wants any more. T30, T32, T35, T45."""

import asyncio
import random
import signal
import time

import pytest

from asynq.exceptions import TaskRevokedError, TimeLimitExceeded, WorkerLostError
from tests.chaos.checks import POISON
from tests.chaos.crew import Crew
from tests.chaos.fleet import LEASE
from tests.chaos.ledger import EARLY
from tests.waiting import until


@pytest.mark.parametrize("how", ["exit", "segv"])
async def test_t30_a_poison_pill_dies_alone_and_its_neighbours_end(fleet, checks, send, wire, how):
    crew = Crew(fleet, [await wire(), await wire()], random.Random(1), "-c", "10")
    await crew.start()
    keeping = asyncio.ensure_future(crew.keep())
    poison = await send("deadly", how, kind=POISON)
    innocents = [await send("sleeping", 0.8) for _ in range(9)]
    assert await asyncio.gather(*(result.get(timeout=40) for result in innocents)) == [0.8] * 9
    with pytest.raises(WorkerLostError):
        await poison.get(timeout=40)
    keeping.cancel()
    await asyncio.wait([keeping])
    assert len(fleet.ledger.read().runs(poison.id)) <= 3
    tally = checks.tally()
    assert (tally.poison_buried, tally.faults, crew.crashed) == (1, [], [])


async def test_a_task_with_early_acks_dies_with_its_worker_and_never_runs_twice(
    fleet, checks, send
):
    first = await fleet.start()
    result = await send("early", 1.0, kind=EARLY)
    await fleet.running(result.id)
    first.kill()
    await fleet.start()
    with pytest.raises(WorkerLostError):
        await result.get(timeout=20)
    assert len(fleet.ledger.read().runs(result.id)) == 1
    tally = checks.tally()
    assert (tally.early_lost, tally.early_twice, tally.faults) == (1, [], [])
    await checks.clean(consumers=False)


@pytest.mark.parametrize("task", ["stubborn", "stubborn_thread"])
async def test_t32_t35_what_ignores_its_time_limit_fails_and_gives_up_its_slot(
    fleet, checks, send, task
):
    worker = await fleet.start("-c", "1", "--threads", "1")
    mark = str(fleet.directory / "mark")
    stuck = await send(task, mark, kind="limited", time_limit=0.5)
    behind = await send("quick", 1)
    beside = await send("threaded", 0.1)
    with pytest.raises(TimeLimitExceeded):
        await stuck.get(timeout=15)
    assert await behind.get(timeout=10) == 1
    assert await beside.get(timeout=10) == 0.1
    assert len(fleet.ledger.read().runs(stuck.id)) == 1
    worker.signal(signal.SIGTERM)
    stopped = time.monotonic()
    assert await worker.ended() == 0
    assert time.monotonic() - stopped < 10.0
    tally = checks.tally()
    assert (tally.duplicates, tally.faults) == (0, [])
    await checks.clean()


async def test_t35_a_worker_with_too_many_stuck_runs_stops_to_be_started_anew(fleet, checks, send):
    worker = await fleet.start("-c", "5", CHAOS_MAX_STUCK="1")
    beside = await send("sleeping", 5.0)
    stuck = await send("stubborn", str(fleet.directory / "mark"), kind="limited", time_limit=0.5)
    with pytest.raises(TimeLimitExceeded):
        await stuck.get(timeout=15)
    assert await worker.ended() == 70
    assert await beside.get(timeout=10) == 5.0
    tally = checks.tally()
    assert (tally.duplicates, tally.faults) == (0, [])
    await checks.clean()


async def revoked(result):
    """The text of the error that who waits for it gets."""
    with pytest.raises(TaskRevokedError) as error:
        await result.get(timeout=15)
    return str(error.value)


async def test_t45_what_is_revoked_before_it_runs_never_runs(app, fleet, checks, send):
    unknown = "an-id-that-nobody-has-sent"
    await app.control.revoke(unknown)
    first = await send("quick", kind="revoked", task_id=unknown)
    queued = await send("quick", kind="revoked")
    delayed = await send("quick", kind="revoked", countdown=3600)
    for result in (queued, delayed, queued):  # one of them twice
        await result.revoke()
        fleet.ledger.note("R", result.id)
    worker = await fleet.start("-c", "1")  # which was not there when they were revoked
    for result in (first, queued, delayed):
        assert "revoked" in await revoked(result)

    running = await send("sleeping", 2.0)
    await fleet.running(running.id)
    fetched = await send("quick", kind="revoked")
    await until(lambda: checks.held() == 2)
    await fetched.revoke()
    fleet.ledger.note("R", fetched.id)
    await running.revoke()  # without terminate: it may end
    assert "revoked" in await revoked(fetched)
    assert await running.get(timeout=10) == 2.0
    started = {start.id for start in fleet.ledger.read().starts}
    assert started == {running.id}
    assert worker.alive
    assert checks.tally().faults == []
    await checks.clean()


@pytest.mark.parametrize("task", ["sleeping", "threaded", "in_child"])
async def test_t45_what_runs_is_ended_where_that_is_asked_for(fleet, checks, send, task):
    worker = await fleet.start("-c", "1")
    result = await send(task, 30.0, kind="terminated")
    await until(lambda: fleet.ledger.read().runs(result.id))
    began = time.monotonic()
    await result.revoke(terminate=True)
    assert "terminated" in await revoked(result)
    assert time.monotonic() - began < LEASE
    assert await (await send("quick", 3)).get(timeout=10) == 3
    assert len(fleet.ledger.read().runs(result.id)) == 1
    assert fleet.ledger.read().ends[-1].id != result.id
    assert worker.alive
    assert checks.tally().faults == []
    await checks.clean()
