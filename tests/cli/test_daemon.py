"""`asynq worker` and `asynq beat` as services: in the background, with a pidfile, as somebody."""

import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from asynq.multi.pidfile import find
from tests.cli.test_worker import ended, found_at, ready, started
from tests.waiting import until

HOST = socket.gethostname()


@pytest.fixture
def detach(project, tmp_path):
    """`asynq worker -A shop --detach …`; what runs in the end is killed."""

    def run(*words, command="worker"):
        ran = subprocess.run(
            [sys.executable, "-m", "asynq", "-A", "shop", command, "--detach", *words],
            cwd=project.directory,
            env={
                **os.environ,
                "PYTHONPATH": found_at(project),
                "ASYNQ_STATE_DIR": str(tmp_path / "state"),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr

    yield run
    for path in tmp_path.rglob("*.pid"):
        if (holder := find(path)) is not None:
            with holder:
                holder.send(9)
                holder.wait(10)


def stop(path):
    """Tell the worker to stop, and wait for its end."""
    with find(path) as holder:
        holder.send(15)
        assert holder.wait(30)


def test_it_returns_when_the_worker_in_the_background_is_ready(detach, tmp_path):
    pidfile, logfile = tmp_path / "run" / "w1.pid", tmp_path / "log" / "w1.log"
    words = (f"--pidfile={tmp_path}/run/%n.pid", f"--logfile={tmp_path}/log/%n%I.log", "-n", "w1")
    code, out, err = detach(*words, "-l", "INFO")
    assert (code, err) == (0, "")
    pid = int(pidfile.read_text())
    assert out == f"w1@{HOST} is ready: process {pid}. Its log is {logfile}\n"
    told = logfile.read_text()
    assert "[tasks]" in told
    assert f"w1@{HOST} ready.\n" in told

    code, out, err = detach(*words)
    assert (code, out) == (73, "")
    assert f"Pidfile ({pidfile}) already exists. Seems we're already running? (pid: {pid})" in err
    stop(pidfile)
    assert not pidfile.exists()
    assert "Warm shutdown" in logfile.read_text()


def test_without_a_word_its_files_are_in_the_apps_state_directory(detach, tmp_path):
    code, _, err = detach("--umask", "027")
    assert (code, err) == (0, "")
    place = tmp_path / "state" / "shop" / "multi"
    assert sorted(path.name for path in place.iterdir()) == ["asynq.log", "asynq.pid"]
    assert stat.S_IMODE((place / "asynq.pid").stat().st_mode) == 0o600
    stop(place / "asynq.pid")


def test_one_that_can_not_work_is_told_with_its_code_and_its_log(detach, project):
    project.write("shop.py", "1 / 0\n")
    code, out, err = detach("-n", "w1")
    assert (code, out) == (78, "")
    assert f"Error: w1@{HOST}: ended at once, with exit code 78. The end of " in err
    assert "Error: can't import shop: ZeroDivisionError: division by zero" in err


def test_several_processes_have_one_pidfile_and_a_log_each(detach, tmp_path):
    text = (tmp_path / "shop.py").read_text()
    (tmp_path / "shop.py").write_text(f"{text}\nprint('imported')\n")
    words = ("--pidfile=%n%I.pid", "--logfile=%n%I.log", "-n", "w1@h", "--processes", "2")
    code, _, err = detach(*words)
    assert (code, err) == (0, "")
    assert [path.name for path in tmp_path.glob("*.pid")] == ["w1.pid"]
    for number in (1, 2):
        told = (tmp_path / f"w1-{number}.log").read_text()
        assert f"w1-{number}@h ready.\n" in told
    stop(tmp_path / "w1.pid")
    for number in (1, 2):
        assert f"WARNING/w1-{number}] Warm shutdown" in (tmp_path / f"w1-{number}.log").read_text()
    assert " ready." not in (tmp_path / "w1.log").read_text()


async def test_with_reload_the_parent_keeps_the_pidfile(detach, tmp_path, project):
    code, _, err = detach("--pidfile=w.pid", "--logfile=w.log", "--reload")
    assert (code, err) == (0, "")
    pid = (tmp_path / "w.pid").read_text()
    project.write("more.py", "")
    await until(lambda: (tmp_path / "w.log").read_text().count(" ready.\n") == 2)
    assert (tmp_path / "w.pid").read_text() == pid
    stop(tmp_path / "w.pid")


def test_a_beat_goes_to_the_background_too(detach, tmp_path):
    code, out, err = detach("-l", "INFO", command="beat")
    assert (code, err) == (0, "")
    place = tmp_path / "state" / "shop" / "multi"
    pid = int((place / "beat.pid").read_text())
    assert out == f"beat@{HOST} is ready: process {pid}. Its log is {place}/beat.log\n"
    code, _, err = detach(command="beat")
    assert (code, f"(pid: {pid})" in err) == (73, True)
    stop(place / "beat.pid")
    assert "beat has stopped." in (place / "beat.log").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-n", "w%p"), "--hostname w%p: %p is not known before it runs"),
        (("--pidfile", "%z"), "--pidfile %z: %z is none of"),
        (("--uid", "no-such-user"), "--uid: there is no user 'no-such-user'"),
        (("--uid", str(os.getuid())), "with --uid say --pidfile and --logfile"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_can_not_be_is_said_before_it_begins(detach, tmp_path, words, says):
    code, out, err = detach(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert not list(tmp_path.rglob("*.pid"))


# In the foreground


async def test_a_pidfile_is_kept_in_the_foreground_too(project):
    with started(project, "--pidfile", "w.pid") as run:
        await ready(*run)
        process, _ = run
        pidfile = project.directory / "w.pid"
        assert pidfile.read_text() == f"{process.pid}\n"
        second = project.run("-A", "shop", "worker", "--pidfile", "w.pid")
        assert second.code == 73
        assert f"Seems we're already running? (pid: {process.pid})" in second.err
        assert await ended(process) == 0
        assert not pidfile.exists()


async def test_a_stale_pidfile_is_replaced(project):
    pidfile = project.directory / "w.pid"
    pidfile.write_text(f"{os.getpid()}\n")
    with started(project, "--pidfile", "w.pid") as run:
        await ready(*run)
        assert pidfile.read_text() == f"{run[0].pid}\n"
        assert await ended(run[0]) == 0


async def test_systemd_is_told_when_it_is_ready(project, directory, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(directory / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(directory / "notify"))
        with started(project, "--processes", "2") as run:
            await ready(*run, count=2)
            heard = []
            await until(lambda: heard.append(_received(systemd)) or heard.count(b"READY=1") == 2)
            assert await ended(run[0]) == 0


def _received(systemd):
    try:
        return systemd.recv(100)
    except BlockingIOError:
        return None


def owner_of(path):
    return path.stat().st_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_root_may_have_it_run_as_somebody_else(project, directory):
    directory.chmod(0o777)
    text = (project.directory / "shop.py").read_text()
    (directory / "shop.py").write_text(f"import os, sys\nprint(os.getuid(), os.umask(0))\n{text}")
    project.directory = directory
    with started(project, "--uid=nobody", "--umask=027", "--pidfile=w.pid") as run:
        await ready(*run)
        assert run[1]().startswith("65534 23\n")
        assert owner_of(directory / "w.pid") == 65534
        assert await ended(run[0]) == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--umask", "9"), "--umask 9: expected up to three octal digits"),
        (("--umask", "1777"), "--umask 1777: expected up to three"),
        (("--pidfile", "no/such/place"), "--pidfile no/such/place: No such file or directory"),
        (("--gid", "no-such-group"), "--gid: there is no group"),
        (("--logfile", "%q"), "--logfile %q: %q is none of"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_in_the_foreground_too(project, words, says):
    ran = project.run("-A", "shop", "worker", *words)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


async def test_queues_may_be_left_out(project):
    text = (project.directory / "shop.py").read_text()
    declared = text.replace('Asynq("shop"', 'Asynq("shop", task_queues=["a", "b", "c"]')
    project.write("shop.py", declared)
    with started(project, "-X", "b", "--log-format=json") as run:
        await ready(*run)
        assert "  queues   a, c\n" in run[1]()
        assert await ended(run[0]) == 0
        assert all(json.loads(line) for line in run[1]().splitlines() if line.startswith("{"))
