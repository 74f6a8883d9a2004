"""The worker processes of the reliability runs."""

import sys
from pathlib import Path

from benchmarks.reliability.worker import WorkerProcess
from tests.waiting import until


def process(tmp_path, code):
    return WorkerProcess("A", [sys.executable, "-c", code], {}, tmp_path / "output")


async def test_a_worker_that_ended_by_itself_is_seen_and_can_be_started_again(tmp_path):
    worker = process(tmp_path, "import os; print(os.environ['RELIABILITY_WORKER'])")
    worker.start()
    died_at = await until(worker.look)
    assert worker.look() == died_at
    worker.restart()
    assert worker.died_at is None
    await until(worker.look)
    assert (tmp_path / "output").read_text() == "A\nA\n"


async def test_a_worker_that_was_killed_has_not_died_by_itself(tmp_path):
    worker = process(tmp_path, "import time; print('up', flush=True); time.sleep(60)")
    worker.start()
    await until((tmp_path / "output").read_text)
    worker.kill()
    assert worker.look() is None


async def test_what_a_worker_has_started_ends_with_it(tmp_path):
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    worker = process(tmp_path, code)
    worker.start()
    pid = int(await until(lambda: (tmp_path / "output").read_text().strip()))
    worker.end(grace=0)
    await until(lambda: has_ended(pid))


def has_ended(pid):
    """Is it gone, or a zombie that only waits to be taken notice of?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
