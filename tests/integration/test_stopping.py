"""SIGTERM once, twice, thrice: warm, cold, hard."""

import signal
import time

import pytest

from tests.waiting import until

WORK = "tests.integration.proj.work"
HANG = "tests.integration.proj.hang"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_one_signal_lets_running_tasks_end(workers, producer, number):
    worker = await workers.start()
    result = await producer.send_task(WORK, (1, 0.5))
    await until(lambda: workers.lines("begin"))
    worker.signal(number)
    assert await worker.ended() == 0
    assert await result.get(timeout=5) == 1
    assert "Warm shutdown" in worker.said


async def test_a_second_signal_cancels_and_hands_back(workers, producer):
    worker = await workers.start()
    await producer.send_task(HANG)
    await until(lambda: workers.lines("begin"))
    worker.signal(signal.SIGTERM)
    await until(lambda: "Warm shutdown" in worker.said)
    await worker.urge(signal.SIGTERM, "Cold shutdown")
    assert await worker.ended() == 0
    assert workers.lines("end", "hang")
    assert await producer.broker.depth("default") == 1


async def test_the_grace_period_ends_what_does_not_end(workers, producer):
    worker = await workers.start("--grace", "0.2")
    await producer.send_task(HANG)
    await until(lambda: workers.lines("begin"))
    began = time.monotonic()
    worker.signal(signal.SIGTERM)
    assert await worker.ended() == 0
    assert time.monotonic() - began < 5
    assert await producer.broker.depth("default") == 1


async def test_an_idle_worker_stops_at_once(workers):
    took = []
    while not took or (min(took) > 1 and len(took) < 3):  # a machine may stand still for a moment
        worker = await workers.start()
        began = time.monotonic()
        worker.signal(signal.SIGTERM)
        assert await worker.ended() == 0
        took.append(time.monotonic() - began)
    assert min(took) < 2


async def test_sigusr1_writes_all_stacks_and_changes_nothing(workers, producer):
    worker = await workers.start()
    await producer.send_task(HANG)
    await until(lambda: workers.lines("begin"))
    worker.signal(signal.SIGUSR1)
    await until(lambda: "in hang" in worker.said and "thread asynq-leases" in worker.said)
    assert worker.process.poll() is None


async def test_several_processes_share_the_queue_and_stop_together(workers, producer):
    parent = await workers.start_parent(2)
    results = [await producer.send_task(WORK, (number, 0.3)) for number in range(20)]
    assert [await result.get(timeout=30) for result in results] == list(range(20))
    assert len({pid for _, _, pid in workers.lines("end")}) == 2
    parent.signal(signal.SIGTERM)
    assert await parent.ended() == 0


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt"])
async def test_what_a_task_has_started_can_not_end_the_worker(workers, producer, error):
    worker = await workers.start()
    beside = await producer.send_task(WORK, (1, 0.5))
    await until(lambda: workers.lines("begin"))
    leaving = await producer.send_task("tests.integration.proj.leave", (error,))
    assert await leaving.get(timeout=10) == "still here"
    assert await beside.get(timeout=10) == 1
    assert f"called for an exit: {error}" in worker.said
    worker.signal(signal.SIGINT)
    assert await worker.ended() == 0
    assert "Warm shutdown" in worker.said
