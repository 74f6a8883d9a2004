"""Workers are killed, frozen or stopped: what they held runs elsewhere, and ends once. T1-T9."""

import asyncio
import os
import signal
import time

import pytest

from asynq.brokers.redis.scripts import SETTLE
from tests.chaos.fleet import CONFIRM, LEASE, SWEEP
from tests.waiting import until

TAKEN_OVER = LEASE + CONFIRM + 2 * SWEEP + 2.5
"""Seconds after which what a dead worker held must run elsewhere; the last are the machine's."""


async def test_t1_a_task_of_a_killed_worker_runs_elsewhere(fleet, checks, send):
    await fleet.start()
    await fleet.start()
    result = await send("sleeping", 1.0)
    first = await fleet.running(result.id)
    first.kill()
    killed = time.time()
    assert await result.get(timeout=20) == 1.0
    one, two = fleet.ledger.read().runs(result.id)
    assert (one.redeliveries, two.redeliveries) == (0, 1)
    assert two.at - killed < TAKEN_OVER
    tally = checks.tally()
    assert (tally.executions, tally.duplicates, tally.faults) == (2, 1, [])
    await checks.clean(consumers=False)


async def test_t2_a_worker_killed_before_it_could_say_that_the_task_had_ended(fleet, checks, send):
    await fleet.start("-c", "1")
    result = await send("deadly", "kill", 1)
    await until(lambda: not fleet.alive)
    await fleet.start()
    assert await result.get(timeout=20) == "survived"
    assert [run.redeliveries for run in fleet.ledger.read().runs(result.id)] == [0, 1]
    assert checks.tally().faults == []


async def test_t3_a_worker_killed_before_it_heard_that_its_end_was_accepted(
    fleet, checks, send, wire
):
    through = await wire()
    first = await fleet.start(through=through)
    assert await (await send("quick")).get(timeout=10) == 0  # so that the script is known
    through.swallow(SETTLE.digest, cut=False)
    result = await send("quick", 7)
    await through.lost.wait()
    first.kill()
    second = await fleet.start()
    assert await result.get(timeout=20) == 7
    assert await (await send("quick", 8)).get(timeout=10) == 8
    assert len(fleet.ledger.read().runs(result.id)) == 1
    assert second.fenced == 0
    tally = checks.tally()
    assert (tally.duplicates, tally.faults) == (0, [])
    await checks.clean(consumers=False)


async def test_t3_a_worker_killed_before_it_heard_that_its_retry_was_accepted(
    fleet, checks, send, wire
):
    through = await wire()
    first = await fleet.start(through=through)
    assert await (await send("quick")).get(timeout=10) == 0
    through.swallow(SETTLE.digest, cut=False)
    result = await send("retrying", 1, 0.3)
    await through.lost.wait()
    first.kill()
    await fleet.start()
    assert await result.get(timeout=20) == 1
    runs = fleet.ledger.read().runs(result.id)
    assert [(run.retries, run.redeliveries) for run in runs] == [(0, 0), (1, 0)]
    tally = checks.tally()
    assert (tally.duplicates, tally.faults) == (0, [])
    await checks.clean(consumers=False)


async def test_t4_what_a_killed_worker_had_taken_and_not_begun_runs_elsewhere(fleet, checks, send):
    first = await fleet.start("-c", "1", "--prefetch-multiplier", "4")
    sent = [await send("sleeping", 0.3) for _ in range(4)]
    await until(lambda: checks.held() == 4)
    await fleet.running(sent[0].id)
    first.kill()
    await fleet.start("-c", "4")
    await asyncio.gather(*(result.get(timeout=20) for result in sent))
    book = fleet.ledger.read()
    assert [len(book.runs(result.id)) for result in sent[1:]] == [1, 1, 1]
    assert {book.runs(result.id)[-1].redeliveries for result in sent} == {1}
    assert checks.tally().faults == []


async def test_t5_a_fetched_batch_whose_reply_was_lost_comes_back_at_once(
    fleet, checks, send, wire
):
    through = await wire()
    await fleet.start(through=through)
    through.swallow(b"XREADGROUP")
    await asyncio.wait_for(through.asked.wait(), 5)
    result = await send("quick", 5)
    sent = time.time()
    assert await result.get(timeout=10) == 5
    assert through.swallowed == 1
    (run,) = fleet.ledger.read().runs(result.id)
    assert run.redeliveries == 0
    assert run.at - sent < 3.0
    assert checks.tally().faults == []


async def test_t6_a_stopping_worker_ends_what_runs_and_hands_back_the_rest(fleet, checks, send):
    first = await fleet.start("-c", "5")
    sent = [await send("sleeping", 2.0) for _ in range(10)]
    await until(lambda: len(fleet.ledger.read().starts) == 5)
    await until(lambda: checks.held() == 10)
    second = await fleet.start("-c", "10")
    first.signal(signal.SIGTERM)
    stopped = time.time()
    assert await first.ended() == 0
    await asyncio.gather(*(result.get(timeout=20) for result in sent))
    book = fleet.ledger.read()
    pids = [end.pid for end in book.ends]
    assert (pids.count(first.pid), pids.count(second.pid)) == (5, 5)
    handed_back = [start for start in book.starts if start.pid == second.pid]
    assert max(start.at for start in handed_back) - stopped < 1.0
    assert {start.redeliveries for start in handed_back} == {0}
    tally = checks.tally()
    assert (tally.duplicates, tally.faults) == (0, [])
    await checks.clean()


@pytest.mark.parametrize("task", ["stubborn", "stubborn_thread"])
async def test_t7_a_task_that_can_not_be_stopped_is_left_behind(fleet, checks, send, task):
    grace = 0.3
    first = await fleet.start("--grace", str(grace))
    result = await send(task, str(fleet.directory / "mark"))
    await fleet.running(result.id)
    await fleet.start()
    first.signal(signal.SIGTERM)
    stopped = time.time()
    await first.ended()
    assert time.time() - stopped < grace + 3.0 + 2.0
    assert await result.get(timeout=20) == "at last"
    assert [run.redeliveries for run in fleet.ledger.read().runs(result.id)] == [0, 0]
    assert checks.tally().faults == []
    await checks.clean()


async def test_t8_the_second_signal_cancels_and_the_third_leaves_at_once(fleet, checks, send):
    first = await fleet.start()
    second = await fleet.start("-Q", "other")
    hanging = await send("hanging")
    await fleet.running(hanging.id)
    result = await send("stubborn", str(fleet.directory / "mark"), queue="other")
    await fleet.running(result.id)

    first.signal(signal.SIGTERM)
    await until(lambda: "Warm shutdown" in first.said)
    await first.urge(signal.SIGTERM, "Cold shutdown")
    assert await first.ended() == 0
    assert len(fleet.ledger.read().ends) == 1
    assert checks.server.command("XLEN", checks.keys.returned("chaos")) == 1

    for said in ("Warm shutdown", "Cold shutdown", "Hard shutdown"):
        await second.urge(signal.SIGTERM, said)
    assert await second.ended() == 70
    await fleet.start("-Q", "other")
    assert await result.get(timeout=20) == "at last"
    assert [run.redeliveries for run in fleet.ledger.read().runs(result.id)] == [0, 1]


async def test_t9_a_frozen_worker_is_replaced_and_its_late_end_is_refused(fleet, checks, send):
    first = await fleet.start("-c", "1")
    result = await send("sleeping", 1.0)
    await fleet.running(result.id)
    first.freeze()
    frozen = time.monotonic()
    second = await fleet.start("-c", "1")
    assert await result.get(timeout=20) == 1.0
    await until(lambda: time.monotonic() - frozen > 3 * LEASE)
    first.thaw()
    await until(lambda: first.fenced + first.leases_lost == 1)
    assert await (await send("quick", 1)).get(timeout=10) == 1
    assert first.alive
    runs = fleet.ledger.read().runs(result.id)
    assert [run.pid for run in runs] == [first.pid, second.pid]
    assert checks.tally().faults == []
    await checks.clean()
    os.kill(first.pid, 0)
