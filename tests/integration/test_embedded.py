"""No configuration at all: worker and script meet on a private server, and nothing is lost."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from asynq._redis import embedded
from tests.integration.workers import ROOT, Workers
from tests.waiting import until

SEND = """
import asyncio
from tests.integration.proj import app, work

async def main():
    async with app:
        await asyncio.gather(*(work.delay(number, 0.0) for number in range({count})))
        print("sent", flush=True)
        {then}

asyncio.run(main())
"""


@pytest.fixture
def workers(directory, namespace):
    environment = {
        "ASYNQ_STATE_DIR": str(directory / "state"),
        "TEST_NAMESPACE": namespace,
        "TEST_LEASE": "1.5",
        "TEST_LEDGER": str(directory / "ledger"),
    }
    workers = Workers(directory, environment)
    yield workers
    for worker in workers.started:
        worker.kill()
    embedded.stop(directory / "state" / namespace)


def script(workers, then, *, count=100):
    return subprocess.Popen(
        [sys.executable, "-c", SEND.format(count=count, then=then)],
        cwd=ROOT,
        env={**os.environ, **workers.environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_server(workers, namespace):
    state = embedded.status(workers.directory / "state" / namespace)
    assert state.process_id > 0
    os.kill(state.process_id, signal.SIGKILL)


async def test_a_worker_and_a_script_meet_without_being_told_where(workers):
    await workers.start()
    sending = script(workers, "pass", count=5)
    assert await asyncio.to_thread(sending.communicate) == ("sent\n", None)
    assert sending.returncode == 0
    await until(lambda: len(workers.lines("end")) == 5)


async def test_tasks_outlive_the_death_of_everything(workers, namespace):
    worker = await workers.start()
    worker.signal(signal.SIGTERM)
    assert await worker.ended() == 0

    sending = script(workers, "await asyncio.Event().wait()")
    try:
        assert await asyncio.to_thread(sending.stdout.readline) == "sent\n"
        kill_server(workers, namespace)
    finally:
        sending.kill()
        await asyncio.to_thread(sending.communicate)

    await workers.start()
    await until(lambda: len(workers.lines("end")) == 100)
    assert sorted(int(number) for _, number, _ in workers.lines("end")) == list(range(100))


async def test_a_worker_goes_on_when_its_server_is_killed(workers, namespace):
    await workers.start()
    kill_server(workers, namespace)
    sending = script(workers, "pass", count=20)
    assert await asyncio.to_thread(sending.communicate) == ("sent\n", None)
    await until(lambda: len(workers.lines("end")) == 20)
