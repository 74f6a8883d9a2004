"""`asynq beat`, and a beat beside a worker."""

import os
import signal
import subprocess
import sys

import pytest

from tests.integration.workers import ROOT
from tests.waiting import until

PERIODIC = """
from asynq import Asynq, crontab

app = Asynq({namespace!r}, broker={url!r}, timezone="Europe/Berlin")


@app.task(name="shop.add")
async def add(x, y):
    print("sum", x + y, flush=True)


@app.on_after_configure.connect
def set_up(sender, **kwargs):
    sender.add_periodic_task(0.2, add.s(1, 2), name="often")
    sender.add_periodic_task(crontab(0, 9), add.s(3, 4), name="in the morning")
"""


@pytest.fixture
def start(directory, url, namespace):
    """Start `asynq -A shop …`; what it says goes to a file."""
    (directory / "shop.py").write_text(PERIODIC.format(namespace=namespace, url=url))
    started = []

    def begin(*words):
        output = directory / f"output-{len(started)}"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "asynq", "-A", "shop", *words],
                cwd=directory,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        return process, output

    yield begin
    for process in started:
        process.kill()
        process.wait()


async def test_a_beat_says_what_it_calls_and_calls_it_until_it_is_stopped(start):
    process, output = start("beat", "-l", "info")
    await until(lambda: "Scheduler: Sending due task often (shop.add)[" in output.read_text())
    process.send_signal(signal.SIGTERM)
    await until(lambda: process.poll() is not None)
    said = output.read_text()
    assert process.returncode == 0, said
    assert "timezone  Europe/Berlin" in said
    assert "  · in the morning: 0 9 * * *\n  · often: every 0.2 s\n" in said
    assert said.index("beat ready.") < said.index("beat has stopped.")


async def test_a_worker_may_have_a_beat(start):
    process, output = start("worker", "-B", "-l", "info")
    await until(lambda: output.read_text().count("sum 3") > 1)
    process.send_signal(signal.SIGTERM)
    await until(lambda: process.poll() is not None)
    assert process.returncode == 0, output.read_text()


async def test_of_several_processes_one_has_the_beat(start):
    process, output = start("worker", "-B", "--processes", "2", "-l", "info")
    await until(lambda: output.read_text().count("sum 3") > 1)
    assert output.read_text().count("beat: Starting") == 1
    process.send_signal(signal.SIGTERM)
    await until(lambda: process.poll() is not None)
    assert process.returncode == 0, output.read_text()


def test_a_wrong_periodic_task_is_said_in_one_line(project):
    project.write(
        "shop.py",
        "from asynq import Asynq\napp = Asynq('s', broker='memory://')\n"
        "@app.task(name='t')\ndef t(x): ...\n"
        "app.conf.beat_schedule = {'a': {'task': 't', 'schedule': 5}}\n",
    )
    ran = project.run("-A", "shop", "beat")
    assert ran.code == 78
    assert ran.err.startswith("Error: periodic task 'a': ")


def test_a_log_level_that_is_none_is_said(project):
    ran = project.run("-A", "shop", "beat", "-l", "loud")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "no log level 'loud'" in ran.err
