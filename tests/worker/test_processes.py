"""A parent of workers: it keeps them alive, passes signals on, and takes none of them with it."""

import asyncio
import os
import signal
import sys

import pytest

from asynq.worker import processes as room
from asynq.worker.processes import CONFIGURATION, Processes
from tests.waiting import until

# A child that notes its start, and ends with 0 on SIGTERM.
CHILD = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
note = pathlib.Path(sys.argv[1])
(note / str(os.getpid())).touch()
{then}
"""
WAIT = "while True: time.sleep(60)"


def child(directory, then=WAIT):
    return [sys.executable, "-c", CHILD.format(then=then), str(directory)]


def two(directory):
    return {"w-1@h": child(directory), "w-2@h": child(directory)}


def started(directory):
    return sorted(int(path.name) for path in directory.iterdir())


async def test_all_children_run_until_the_parent_is_told_to_stop(tmp_path):
    running = asyncio.create_task(Processes(two(tmp_path)).run())
    await until(lambda: len(started(tmp_path)) == 2)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0
    for pid in started(tmp_path):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_child_that_dies_is_named_and_started_again(tmp_path, caplog):
    running = asyncio.create_task(Processes({"w-%p@h": child(tmp_path)}).run())
    [first] = await until(lambda: started(tmp_path))
    os.kill(first, signal.SIGKILL)
    await until(lambda: len(started(tmp_path)) == 2)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0
    assert caplog.messages == [f"w-{first}@h ended with SIGKILL; starting it again in 0 s"]


async def test_a_hangup_reaches_the_children_and_ends_them(tmp_path):
    note = "lambda *_: (note / 'hung-up').touch() or sys.exit(0)"
    patient = child(
        tmp_path, then=f"signal.signal(signal.SIGHUP, {note})\n(note / '1').touch()\n{WAIT}"
    )
    running = asyncio.create_task(Processes({"w@h": patient}).run())
    await until((tmp_path / "1").exists)
    os.kill(os.getpid(), signal.SIGHUP)
    assert await running == 0
    assert (tmp_path / "hung-up").exists()


async def test_a_child_that_can_not_work_as_configured_ends_them_all(tmp_path):
    hopeless = child(tmp_path, then=f"sys.exit({CONFIGURATION})")
    assert await Processes({"w-1@h": child(tmp_path), "w-2@h": hopeless}).run() == CONFIGURATION


async def test_stopping_does_not_wait_for_the_pause_before_a_restart(tmp_path):
    running = asyncio.create_task(Processes({"w@h": child(tmp_path, then="sys.exit(1)")}).run())
    await until(lambda: len(started(tmp_path)) >= 2)
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):
        await running


# When sources change


class Changing:
    """Sources that change when they are told to."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(room, "LOOK_SECONDS", 0.01)
        self.next = []

    def changed(self):
        changed, self.next = self.next, []
        return changed


async def test_a_change_ends_all_children_and_starts_them_again(tmp_path, monkeypatch, caplog):
    sources = Changing(monkeypatch)
    running = asyncio.create_task(Processes(two(tmp_path), sources=sources).run())
    before = await until(lambda: len(started(tmp_path)) == 2 and started(tmp_path))
    sources.next = [tmp_path / "proj.py"]
    await until(lambda: len(started(tmp_path)) == 4)
    for pid in before:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert "Changed: proj.py; starting again" in caplog.text
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0


async def test_a_child_that_can_not_start_waits_for_the_next_change(tmp_path, monkeypatch, caplog):
    sources = Changing(monkeypatch)
    hopeless = child(tmp_path, then=f"sys.exit({CONFIGURATION})")
    running = asyncio.create_task(Processes({"w@h": hopeless}, sources=sources).run())
    await until(lambda: "w@h ended with exit code 78; waiting for a change" in caplog.text)
    sources.next = [tmp_path / "proj.py"]
    await until(lambda: len(started(tmp_path)) == 2)
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):
        await running
