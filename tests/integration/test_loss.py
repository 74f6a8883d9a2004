"""Nothing is lost and nothing is written twice, whatever happens to workers and servers.

The proof is a ledger outside the server: what each worker began and ended, even a killed one.
"""

import asyncio
import os
import random
import signal
from collections import Counter

import pytest

from asynq.exceptions import WorkerLostError
from tests.waiting import until

WORK = "tests.integration.proj.work"
BLOCK = "tests.integration.proj.block"


async def test_killing_a_worker_among_a_thousand_tasks_loses_none_and_doubles_none(
    workers, producer
):
    first = await workers.start("-c", "50")
    await workers.start("-c", "50")
    lengths = random.Random(4).choices([0.0, 0.01, 0.1, 0.5], k=1000)
    sent = await asyncio.gather(
        *(producer.send_task(WORK, (number, length)) for number, length in enumerate(lengths))
    )
    await until(lambda: len(workers.lines("end")) > 100)
    first.kill()
    values = await asyncio.gather(*(result.get(timeout=60) for result in sent))

    assert values == list(range(1000))
    runs = Counter(number for _, number, _ in workers.lines("begin"))
    cut_off = {n for _, n, pid in workers.lines("begin") if pid == str(first.pid)} - {
        n for _, n, pid in workers.lines("end") if pid == str(first.pid)
    }
    # What ran twice had been begun by the killed worker and not settled by it: its slots at most.
    assert {number for number, count in runs.items() if count > 1} >= cut_off - {None}
    assert sum(runs.values()) - 1000 <= 50 + 10
    assert await producer.broker.depth("default") == 0


async def test_who_waits_for_an_early_acknowledged_task_hears_that_its_worker_was_killed(
    workers, producer
):
    first = await workers.start()
    result = await producer.send_task("tests.integration.proj.ring")
    await until(lambda: workers.lines("begin", "ring"))
    first.kill()
    await workers.start()
    with pytest.raises(WorkerLostError, match="is not run again"):
        await result.get(timeout=30)
    assert len(workers.lines("begin", "ring")) == 1
    await until(lambda: _is_empty(producer))


async def _is_empty(producer):
    return await producer.broker.depth("default") == 0


async def test_a_task_that_blocks_the_loop_for_two_leases_runs_once(workers, producer):
    await workers.start()
    await workers.start()
    lease = float(workers.environment["TEST_LEASE"])
    assert await producer.send_task(BLOCK, (2 * lease,)).get(timeout=30) == "done"
    assert len(workers.lines("begin", "block")) == 1


async def test_a_stopped_worker_hands_back_what_it_has_not_finished(workers, producer):
    first = await workers.start("-c", "2", "--grace", "0")
    sent = [await producer.send_task(WORK, (number, 0.7)) for number in range(6)]
    await until(lambda: len(workers.lines("begin")) == 2)
    first.signal(signal.SIGTERM)
    assert await first.ended() == 0
    await workers.start()
    assert [await result.get(timeout=30) for result in sent] == list(range(6))


async def test_a_frozen_worker_is_replaced_and_its_late_result_does_not_count(workers, producer):
    first = await workers.start("-c", "1")
    result = await producer.send_task(WORK, (1, 2.0))
    await until(lambda: workers.lines("begin"))
    os.kill(first.pid, signal.SIGSTOP)
    second = await workers.start("-c", "1")
    assert await result.get(timeout=30) == 1
    os.kill(first.pid, signal.SIGCONT)
    await until(lambda: "Lost the lease" in first.said or "was no longer ours" in first.said)
    assert {pid for _, _, pid in workers.lines("end")} >= {str(second.pid)}
    assert await producer.broker.depth("default") == 0
