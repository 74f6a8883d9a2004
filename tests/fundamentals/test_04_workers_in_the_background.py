"""`asynq multi`: the lines of Celery's *Fundamentals*, typed as they are there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from asynq.multi.pidfile import find

ROOT = Path(__file__).parents[2]

PROJ = """
from asynq import Asynq

app = Asynq("proj")


@app.task
async def add(x, y):
    return x + y
"""

TEN = "10 -A proj -l INFO -Q:1-3 images,video -Q:4,5 data -Q default"
QUEUES = ["images, video"] * 3 + ["data"] * 2 + ["default"] * 5


@pytest.fixture
def shell(directory):
    """Types a line in the project's directory: what it prints, and its exit code."""
    (directory / "proj.py").write_text(PROJ)
    environment = {
        **os.environ,
        "ASYNQ_STATE_DIR": str(directory / "state"),
        "PYTHONPATH": f"{directory}:{ROOT}",
    }

    def type_it(line):
        words = shlex.split(line)
        assert words.pop(0) == "asynq"
        ran = subprocess.run(
            [sys.executable, "-m", "asynq", *words],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=80,
            check=False,
        )
        return ran.stdout + ran.stderr, ran.returncode

    yield type_it
    for path in directory.rglob("*.pid"):
        if (holder := find(path)) is not None:
            with holder:
                holder.send(9)
                holder.wait(10)


def pids(place):
    return {path.stem: int(path.read_text()) for path in place.glob("*.pid")}


def test_one_worker_is_started_restarted_and_stopped(shell, directory):
    files = f"--pidfile={directory}/run/%n.pid --logfile={directory}/log/%n%I.log"

    told, code = shell(f"asynq multi start w1 -A proj -l INFO {files}")
    assert (code, told.splitlines()[1:2]) == (0, ["> Starting nodes..."]), told
    first = pids(directory / "run")
    assert shell("asynq -A proj call proj.add --args '[4, 4]' --wait") == ("8\n", 0)

    told, code = shell(f"asynq multi start w1 -A proj -l INFO {files}")
    assert code == 73
    assert f"Seems we're already running? (pid: {first['w1']})" in told

    told, code = shell(f"asynq multi restart w1 -A proj -l INFO {files}")
    assert (code, told.splitlines()[-1].endswith(": OK")) == (0, True), told
    assert pids(directory / "run").keys() == {"w1"}
    assert pids(directory / "run") != first

    told, code = shell(f"asynq multi stopwait w1 -A proj -l INFO {files}")
    assert (code, told.splitlines()[-1].endswith(": DOWN")) == (0, True), told
    assert pids(directory / "run") == {}
    log = (directory / "log" / "w1.log").read_text()
    assert re.search(r"Task proj\.add\[.*\] succeeded", log)
    assert log.count(" ready.\n") == log.count(" has stopped\n") == 2
    assert shell(f"asynq multi stop w1 -A proj {files}")[1] == 0


def test_the_commands_for_ten_workers_can_be_looked_at_first(shell, directory):
    told, code = shell(f"asynq multi show {TEN}")
    assert code == 0
    commands = [shlex.split(line) for line in told.splitlines()]
    assert [words[-1].partition("@")[0] for words in commands] == [
        f"asynq{number}" for number in range(1, 11)
    ]
    served = [words[words.index("-Q") + 1] for words in commands]
    assert served == [queues.replace(", ", ",") for queues in QUEUES]
    assert not (directory / "state").exists()


def test_ten_workers_serve_the_queues_that_the_line_says(shell, directory):
    place = directory / "state" / "proj" / "multi"
    names = [f"asynq{number}" for number in range(1, 11)]

    told, code = shell(f"asynq multi start {TEN}")
    assert (code, told.count(": OK")) == (0, 10), told
    first = pids(place)
    assert first.keys() == set(names)
    logs = {name: (place / f"{name}.log").read_text() for name in names}
    served = [re.search(r"^  queues   (.*)$", logs[name], re.M)[1] for name in names]
    assert served == QUEUES

    assert shell("asynq -A proj call proj.add -a '[4, 4]' -Q video --wait") == ("8\n", 0)
    ran = [name for name in names if "succeeded" in (place / f"{name}.log").read_text()]
    assert len(ran) == 1
    assert ran[0] in names[:3]

    told, code = shell(f"asynq multi restart {TEN}")
    assert (code, told.count(": OK")) == (0, 10), told
    second = pids(place)
    assert second.keys() == first.keys()
    assert not {*second.values()} & {*first.values()}

    told, code = shell(f"asynq multi stopwait {TEN}")
    assert (code, told.count(": DOWN")) == (0, 10), told
    assert pids(place) == {}
    assert shell("asynq -A proj ping --local")[1] == 69
