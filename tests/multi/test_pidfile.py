"""Pidfiles: who holds one is known for sure, and nobody else is ever signalled."""

import os
import signal
import subprocess
import sys

import pytest

from asynq.multi import pidfile
from asynq.multi.pidfile import AlreadyRunning, NotOurs, find, hold, remove_stale
from tests.waiting import until

HOLDER = """
import pathlib, signal, sys, time
from asynq.multi.pidfile import hold
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
hold(pathlib.Path(sys.argv[1]))
print("held", flush=True)
{then}
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w1.pid"


@pytest.fixture
def held(path):
    """Starts a process that holds the pidfile."""
    started = []

    def start(then=""):
        command = [sys.executable, "-c", HOLDER.format(then=then), str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def bystander():
    """A process that has nothing to do with any of it."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_the_holder_is_found_signalled_and_waited_for(path, held):
    process = held()
    assert path.read_text() == f"{process.pid}\n"
    with find(path) as holder:
        assert holder.pid == process.pid
        assert holder.lives()
        assert not holder.wait(0.01)
        assert holder.send(signal.SIGTERM)
        assert holder.wait(10)
        assert not holder.lives()
        assert not holder.send(signal.SIGTERM)
    assert process.wait() == 0


def test_it_is_gone_when_its_holder_is(path, held):
    process = held()
    process.terminate()
    process.wait()
    assert not path.exists()
    assert find(path) is None


def test_another_can_not_have_it_meanwhile(path, held):
    process = held()
    with pytest.raises(AlreadyRunning) as caught:
        hold(path)
    assert str(caught.value) == (
        f"Pidfile ({path}) already exists. Seems we're already running? (pid: {process.pid})"
    )


def test_what_a_killed_holder_left_is_taken_over(path, held):
    first = held()
    first.kill()
    first.wait()
    assert path.exists()
    assert find(path) is None
    second = held()
    assert path.read_text() == f"{second.pid}\n"


def test_a_process_that_is_named_there_and_does_not_hold_it_is_nobody(path, bystander):
    path.write_text(f"{bystander.pid}\n")
    assert find(path) is None
    assert remove_stale(path)
    assert not path.exists()
    assert bystander.poll() is None


def test_what_is_held_is_not_stale(path, held):
    held()
    assert not remove_stale(path)
    assert path.exists()


async def test_a_zombie_does_not_hold_it(path, held):
    process = held()
    with find(path) as holder:
        process.kill()  # and nobody waits for it yet
        await until(lambda: not holder.lives())
    assert process.returncode is None


def test_a_forked_child_neither_holds_nor_removes_it(path, held):
    fork = "import os; os.fork() or sys.exit(0); os.wait(); print('forked', flush=True)"
    process = held(then=fork)
    assert process.stdout.readline() == "forked\n"
    assert path.exists()
    with find(path) as holder:
        assert holder.pid == process.pid


def test_whoever_waits_does_not_keep_the_next_from_it(path, held):
    first = held()
    with find(path) as holder:
        first.kill()
        assert holder.wait(10)
        second = held()
        assert path.read_text() == f"{second.pid}\n"


def test_a_file_held_by_who_is_not_named_there_is_nobodys_to_signal(path, held, monkeypatch):
    monkeypatch.setattr(pidfile, "WRITING", 0.05)
    process = held(then="pathlib.Path(sys.argv[1]).write_text('x'); print('written', flush=True)")
    assert process.stdout.readline() == "written\n"
    with pytest.raises(NotOurs, match="not named in it"):
        find(path)


def test_root_ends_no_process_of_others_because_a_user_wrote_its_number(path, held, monkeypatch):
    process = held()
    real = os.stat

    def belongs_to_another(place, *args, **kwargs):
        found = real(place, *args, **kwargs)
        if str(place) != f"/proc/{process.pid}":
            return found
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:10]))

    monkeypatch.setattr(pidfile.os, "stat", belongs_to_another)
    monkeypatch.setattr(pidfile.os, "fstat", _of_a_user(os.fstat))
    with pytest.raises(NotOurs, match="it is not signalled"):
        find(path)


def _of_a_user(real):
    def fstat(descriptor):
        found = real(descriptor)
        return os.stat_result((*found[:4], 12345, *found[5:10]))

    return fstat


def test_one_that_can_not_be_opened_is_said(tmp_path):
    with pytest.raises(NotOurs, match="can't open the pidfile"):
        find(tmp_path)
