"""`asynq worker`: what it is told, what it says, and the processes it starts."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from asynq import Asynq
from asynq.cli import worker as command
from asynq.cli.worker import banner
from asynq.worker.worker import Worker
from tests.waiting import until

HOST = socket.gethostname()


def found_at(project):
    """Where a process finds the project, and what this one finds."""
    return os.pathsep.join([str(project.directory), *filter(None, [os.environ.get("PYTHONPATH")])])


@contextmanager
def started(project, *words):
    """`asynq -A shop worker …` in a process of its own, with what it writes in a file."""
    output = project.directory / "said"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "asynq", "-A", "shop", "worker", *words],
            cwd=project.directory,
            env={**os.environ, "PYTHONPATH": found_at(project), "PYTHONUNBUFFERED": ""},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, output.read_text
    finally:
        process.kill()
        process.wait()


async def ready(process, said, count=1):
    await until(lambda: said().count(" ready.\n") == count or process.poll() is not None)
    assert process.poll() is None, said()


async def ended(process):
    process.send_signal(signal.SIGTERM)
    await until(lambda: process.poll() is not None)
    return process.returncode


async def test_it_says_what_it_is_and_when_it_is_ready_and_ends_with_0(project):
    with started(project, "-Q", "other, third", "-c", "7", "--threads=3", "-nw-%p@%h") as run:
        await ready(*run)
        process, said = run
        told = said()
        assert await ended(process) == 0
    name = f"w-{process.pid}@{HOST}"
    assert told.splitlines()[1].split()[-1] == name
    for line in (
        "  app      shop",
        f"  broker   {project.app.conf.broker_url}",
        f"  results  {project.app.conf.broker_url}",
        "  slots    7 (uvloop, 3 threads)",
        "  queues   other, third",
        "  events   off (-E tells them, for monitors)",
        "  · shop.add",
        f"{name} ready.",
    ):
        assert f"{line}\n" in told


async def test_log_lines_as_json_are_for_machines(project):
    with started(project, "--log-format", "json", "-l", "info") as run:
        await ready(*run)
        process, said = run
        assert await ended(process) == 0
        lines = said().partition(" ready.\n")[2].splitlines()
    told = [json.loads(line) for line in lines]
    assert any(line["message"].startswith("Warm shutdown") for line in told)
    assert {line["process"] for line in told} == {process.pid}


async def test_a_log_file_gets_what_would_go_to_standard_error(project):
    with started(project, "--logfile", "here.log") as run:
        await ready(*run)
        process, said = run
        assert await ended(process) == 0
        assert "Warm shutdown" not in said()
    assert "Warm shutdown" in (project.directory / "here.log").read_text()


async def test_what_is_printed_is_there_at_once(project):
    text = (project.directory / "shop.py").read_text()
    print_it = "signal.signal(signal.SIGUSR2, lambda *_: print('heard'))"
    project.write("shop.py", f"import signal\n{text}\n{print_it}\n")
    with started(project) as run:
        await ready(*run)
        process, said = run
        process.send_signal(signal.SIGUSR2)
        await until(lambda: said().endswith("heard\n"))
        assert await ended(process) == 0


async def test_several_processes_have_names_of_their_own_and_one_banner(project):
    with started(project, "--processes", "2", "-n", "node@here", "-c", "3") as run:
        await ready(*run, count=2)
        process, said = run
        told = said()
        assert await ended(process) == 0
        for node in ("node-1", "node-2"):
            assert f"WARNING/{node}] Warm shutdown" in said()
    assert told.count("[tasks]") == 1
    assert "  slots    2 processes, each 3 (uvloop, " in told
    assert {line for line in told.splitlines() if line.endswith("ready.")} == {
        "node-1@here ready.",
        "node-2@here ready.",
    }


async def test_with_reload_it_starts_again_when_its_sources_change(project):
    with started(project, "--reload", "-n", "w@h") as run:
        await ready(*run)
        process, said = run
        project.write("shop.py", (project.directory / "shop.py").read_text() + "\n1 / 0\n")
        await until(lambda: "waiting for a change" in said())
        assert "Error: can't import shop: ZeroDivisionError" in said()
        text = (project.directory / "shop.py").read_text()
        project.write("shop.py", text.removesuffix("\n1 / 0\n"))
        await ready(*run, count=2)
        assert said().count("w@h ready.\n") == 2
        assert await ended(process) == 0


# In this process


@pytest.fixture
def commands(root_logger, monkeypatch):
    """The command lines that are started, which are not."""
    commands = []

    class NoProcesses:
        def __init__(self, those, *, sources, pass_fds):
            commands.extend(those.values())
            self.sources = sources

        async def run(self):
            return 0

    monkeypatch.setattr(command, "Processes", NoProcesses)
    return commands


@pytest.mark.parametrize(
    "words",
    [
        ("-n", "w@h", "--processes", "2", "-Q", "a,b"),
        ("-nw@h", "--processes=2", "-Qa,b"),
        ("--hostname", "w@h", "--processes", "2", "--queues", "a,b"),
        ("--hostname=w@h", "--processes=2", "--queues=a,b"),
    ],
    ids=" ".join,
)
def test_each_process_is_told_what_we_were_told_however_it_was_spelled(project, commands, words):
    assert project.run("-A", "shop", "worker", *words).code == 0
    assert commands == [
        [
            *(sys.executable, "-m", "asynq", "-A", "shop", "worker"),
            *("--queues=a,b", f"--hostname=w-{number}@h"),
        ]
        for number in (1, 2)
    ]


def test_each_process_gets_every_option(project, commands):
    words = [
        *("--concurrency=5", "--threads=2", "--prefetch-multiplier=3", "--loglevel=INFO"),
        *("--logfile=a b.log", "--log-format=json", "--grace=1.5"),
        *("--time-limit=3.5", "--soft-time-limit=3.0"),
        *("--max-tasks-per-child=9", "--max-memory-per-child=200000"),
    ]
    assert project.run("worker", "-A", "shop", "--processes", "2", *words).code == 0
    assert commands[0] == [
        *(sys.executable, "-m", "asynq", "-A", "shop", "worker"),
        *(*words, "--hostname=asynq-1@%h"),
    ]


def test_limits_for_all_tasks_stand_over_the_settings(project, commands):
    project.app.conf.task_time_limit = 60
    limits = ["--time-limit=3.5", "--max-tasks-per-child=9", "--max-memory-per-child=200000"]
    project.run("worker", "-A", "shop", "--processes", "2", *limits)
    conf = project.app.conf
    assert conf.task_time_limit == 3.5
    assert conf.task_soft_time_limit is None
    assert (conf.worker_max_tasks_per_child, conf.worker_max_memory_per_child) == (9, 200_000)


def test_directory_broker_and_app_reach_each_process_by_its_surroundings(
    project, commands, monkeypatch
):
    project.write("deep/other.py", "from asynq import Asynq\napp = Asynq()\n")
    monkeypatch.setenv("ASYNQ_APP", "other")
    ran = project.run("--workdir", "deep", "-b", "memory://x", "worker", "--processes=2")
    assert ran.code == 0, ran.err
    assert os.environ["ASYNQ_BROKER_URL"] == "memory://x"
    assert commands[0][3:] == ["worker", "--hostname=asynq-1@%h"]


def test_purging_is_done_once_before_the_processes_start(project, commands):
    for name in ("shop.add", "shop.elsewhere"):
        project.run("-A", "shop", "call", name, *(["-a", "[1, 2]"] if name == "shop.add" else []))
    ran = project.run("-A", "shop", "worker", "--purge", "--processes", "2")
    assert "Purged 1 task from default.\n" in ran.out
    assert "--purge" not in " ".join(commands[0])
    assert json.loads(project.run("-A", "shop", "list", "queues", "-j").out) == {
        "default": 0,
        "other": 1,
    }


def test_the_parents_exit_code_is_that_of_its_processes(project, commands, monkeypatch):
    async def badly(self):
        return 78

    monkeypatch.setattr(command.Processes, "run", badly)
    assert project.run("-A", "shop", "worker", "--processes", "2").code == 78


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("-l", "LOUD"), 2, "no log level 'LOUD': DEBUG, INFO, WARNING, ERROR or CRITICAL"),
        (("--logfile", "no/such/place"), 2, "--logfile no/such/place: No such file or directory"),
        (("-Q", " , "), 78, "no queue to serve: `queues` is empty"),
        (("-Q", "a b\n"), 78, "queue"),
    ],
)
def test_what_can_not_be_is_said_before_it_begins(project, root_logger, words, code, says):
    ran = project.run("-A", "shop", "worker", *words)
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err
    assert ran.err.count("\n") == 1


def test_a_queue_that_is_not_declared_is_refused_where_it_must_be(project, root_logger):
    project.write(
        "strict.py",
        "from asynq import Asynq\n"
        "app = Asynq(task_queues=['a'], task_create_missing_queues=False, broker='memory://')\n",
    )
    ran = project.run("-A", "strict", "worker", "-Q", "b")
    assert ran.code == 78
    assert ran.err.startswith("Error: queue 'b' is not declared; task_queues has a.")


def test_the_banner_shows_no_password():
    app = Asynq("x", broker="redis://me:hunter2@h/0", backend="redis://:hunter3@h/1")
    told = banner(app, Worker(app))
    assert "hunter" not in told
    assert "redis://me:********@h/0" in told
    assert "  (none)\n" in told
