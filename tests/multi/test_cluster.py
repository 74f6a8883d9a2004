"""Several workers started, stopped and waited for; small programs stand in for them."""

import os
import signal
import subprocess
import sys

import pytest

from asynq.multi import cluster as room
from asynq.multi.background import CANT_CREATE
from asynq.multi.cluster import NOT_DONE, Cluster
from asynq.multi.pidfile import find
from tests.multi.scripts import READY, launch_of


class Heard:
    """Keeps what is said."""

    def __init__(self):
        self.said = []
        self.commands = 0

    def heading(self, text):
        self.said.append(text)

    def node(self, name, text):
        self.said.append(f"{name}: {text}")

    def failure(self, name, text):
        self.said.append(f"{name} FAILED: {text}")

    def command(self, words):
        self.commands += 1

    def waiting(self, pids):
        self.said.append(f"waiting for {len(pids)}")

    def dot(self):
        self.said.append(".")


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def make(place, heard):
    """A cluster of these nodes, each with what it does."""

    def make(**nodes):
        launches = [launch_of(place, f"{name}@h", then) for name, then in nodes.items()]
        heard.said.clear()
        return Cluster(launches, heard)

    return make


def pid_of(place, name):
    holder = find(place / "run" / f"{name}.pid")
    if holder is None:
        return None
    with holder:
        return holder.pid


def test_all_that_can_be_started_are(make, heard, place):
    assert make(a=READY, b="sys.exit(78)", c=READY).start() == 78
    assert heard.said[:2] == ["Starting nodes...", "a@h: OK"]
    assert heard.said[2].startswith("b@h FAILED: ended at once, with exit code 78.")
    assert heard.said[3:] == ["c@h: OK"]
    assert heard.commands == 3
    assert pid_of(place, "a")
    assert pid_of(place, "c")


def test_one_that_runs_is_not_started_again_and_that_is_no_success(make, heard, place):
    make(a=READY).start()
    before = pid_of(place, "a")
    assert make(a=READY, b=READY).start() == CANT_CREATE
    assert "already exists. Seems we're already running?" in heard.said[1]
    assert heard.said[2] == "b@h: OK"
    assert pid_of(place, "a") == before


def test_stopping_sends_the_signal_and_does_not_wait(make, heard, place):
    deaf = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}"
    make(a=deaf).start()
    pid = pid_of(place, "a")
    assert make(a=deaf, b=READY).stop(signal.SIGTERM) == 0
    assert heard.said == ["Stopping nodes...", f"a@h: TERM -> {pid}", "b@h: DOWN"]
    assert pid_of(place, "a") == pid


def test_waiting_ends_when_all_are_gone(make, heard, place, monkeypatch):
    monkeypatch.setattr(room, "DOT_SECONDS", 0.05)
    slow = f"signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), sys.exit(0))); {READY}"
    make(a=slow, b=READY).start()
    assert make(a=slow, b=READY).stop_and_wait(signal.SIGTERM) == 0
    assert heard.said[3] == "waiting for 2"
    assert "." in heard.said
    assert sorted(line for line in heard.said if "DOWN" in line) == ["a@h: DOWN", "b@h: DOWN"]
    assert (pid_of(place, "a"), pid_of(place, "b")) == (None, None)


def test_restarting_starts_also_what_did_not_run(make, heard, place):
    make(a=READY).start()
    before = pid_of(place, "a")
    assert make(a=READY, b=READY).restart(signal.SIGTERM) == 0
    assert heard.said[-3:] == ["Restarting nodes...", "b@h: OK", "a@h: OK"]
    assert pid_of(place, "a") not in (None, before)
    assert pid_of(place, "b")


def test_a_restart_that_fails_is_told(make, heard, place):
    make(a=READY).start()
    assert make(a="sys.exit(3)").restart(signal.SIGTERM) == 3
    assert heard.said[-1].startswith("a@h FAILED: ended at once, with exit code 3.")


def test_killing_ends_who_does_not_listen_and_removes_the_pidfile(make, heard, place):
    deaf = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}"
    make(a=deaf).start()
    pid = pid_of(place, "a")
    (place / "run" / "b.pid").write_text("1\n")
    assert make(a=deaf, b=deaf, c=deaf).kill() == 0
    assert heard.said[1:] == [f"a@h: KILL -> {pid}", "a@h: DOWN", "b@h: DOWN", "c@h: DOWN"]
    assert list((place / "run").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_killing_a_parent_kills_its_workers_and_nothing_else_below_it(make, heard, place):
    children = (
        "import subprocess; sleep = [sys.executable, '-c', 'import time; time.sleep(60)'];"
        "worker = subprocess.Popen(sleep, env={**os.environ, 'ASYNQ_PARENT_PIPE': '9'});"
        "other = subprocess.Popen(sleep);"
        f"print(worker.pid, other.pid, flush=True); {READY}"
    )
    make(a=children).start()
    worker, other = map(int, (place / "log" / "a.log").read_text().splitlines()[1].split())
    try:
        assert make(a=children).kill() == 0
        state = subprocess.run(
            ["cat", f"/proc/{worker}/stat"], capture_output=True, text=True, check=False
        )
        assert state.returncode or state.stdout.split()[2] == "Z"
        os.kill(other, 0)
    finally:
        os.kill(other, signal.SIGKILL)


def test_a_pidfile_of_another_program_is_not_obeyed(make, heard, place):
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (place / "run").mkdir()
        (place / "run" / "a.pid").write_text(f"{bystander.pid}\n")
        for act in ("stop", "stop_and_wait"):
            assert getattr(make(a=READY), act)(signal.SIGKILL) == 0
        assert heard.said == ["Stopping nodes...", "a@h: DOWN"]
        assert make(a=READY).kill() == 0
        assert bystander.poll() is None
        assert make(a=READY).start() == 0
    finally:
        bystander.kill()
        bystander.wait()


def test_one_that_can_not_be_told_does_not_keep_the_others_from_it(make, heard, place):
    make(b=READY).start()
    (place / "run" / "a.pid").mkdir()
    assert make(a=READY, b=READY).stop_and_wait(signal.SIGTERM) == NOT_DONE
    assert "a@h FAILED: can't open the pidfile" in heard.said[1]
    assert heard.said[-1] == "b@h: DOWN"
    assert make(a=READY, b=READY).restart(signal.SIGTERM) == NOT_DONE
    assert heard.said[-1] == "b@h: OK"
    assert make(a=READY).restart(signal.SIGTERM) == NOT_DONE
    assert heard.said[-1] == "Restarting nodes..."
