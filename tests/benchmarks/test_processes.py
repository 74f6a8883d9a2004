"""Worker processes of the benchmarks: what they use, and that nothing of them stays."""

import sys
from pathlib import Path

import pytest

from benchmarks.processes import Processes
from tests.waiting import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux tells it")

SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
IN_A_SESSION_OF_ITS_OWN = (
    "import subprocess, sys; "
    f"subprocess.run([sys.executable, '-c', {SLEEP!r}], start_new_session=True)"
)


@pytest.fixture
def start(tmp_path):
    started = []

    def start(code):
        started.append(Processes([sys.executable, "-c", code], {}, tmp_path / "output"))
        return started[-1]

    yield start
    for processes in started:
        processes.end()


async def test_processor_time_is_that_of_all_its_processes(start):
    code = "import os; os.fork()\nwhile True: pass"
    processes = start(code)
    await until(lambda: len(processes.pids()) == 2)
    before = processes.cpu()
    await until(lambda: processes.cpu() > before + 0.1)


async def test_memory_is_that_of_all_its_processes(start, tmp_path):
    processes = start(IN_A_SESSION_OF_ITS_OWN)
    await until((tmp_path / "output").read_text)
    memory = processes.memory()
    assert memory.resident > memory.proportional > 4_000_000


async def test_what_it_started_ends_with_it_also_in_another_session(start, tmp_path):
    processes = start(IN_A_SESSION_OF_ITS_OWN)
    pid = int(await until(lambda: (tmp_path / "output").read_text().strip()))
    assert pid in processes.pids()
    processes.end()
    assert processes.has_ended
    await until(lambda: not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in status(pid))


async def test_of_what_has_ended_nothing_is_known(start):
    processes = start("pass")
    await until(lambda: processes.has_ended)
    assert (processes.pids(), processes.cpu(), processes.memory()) == ([], None, None)
    processes.end()
    processes.end()


def status(pid):
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "\nState:\tZ"
