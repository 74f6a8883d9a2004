"""The embedded server: one for all who want it, whoever comes, goes or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asynq._redis import embedded, flocks, process
from asynq.exceptions import ImproperlyConfigured, OperationalError
from tests._redis.embedding import ask, until

pytestmark = pytest.mark.usefixtures("each_kind_of_program")

Spawn = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def spawn(place: Path) -> Iterator[Spawn]:
    """Start a script with `embedded`, `place`, `say(…)` and `wait()` at hand."""
    processes: list[subprocess.Popen[str]] = []
    prelude = """
        import os, sys, time
        from pathlib import Path
        from asynq._redis import embedded, process
        place = Path(sys.argv[1])
        say = lambda *words: print(*words, flush=True)
        wait = sys.stdin.readline
    """

    def start(script: str, *words: str) -> subprocess.Popen[str]:
        text = textwrap.dedent(prelude) + textwrap.dedent(script)
        started = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", "-c", text, str(place), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(started)
        return started

    yield start
    for each in processes:
        each.kill()
        each.communicate()


def hear(speaker: subprocess.Popen[str]) -> str:
    assert speaker.stdout is not None
    return speaker.stdout.readline().strip()


def go(listener: subprocess.Popen[str]) -> None:
    assert listener.stdin is not None
    listener.stdin.write("\n")
    listener.stdin.flush()


def finish(runner: subprocess.Popen[str]) -> str:
    """Let it go on to its end; what it still said."""
    said, _ = runner.communicate("\n\n", timeout=30)
    assert runner.returncode == 0
    return said.strip()


def kill(place: Path) -> int:
    """SIGKILL for the server, which is dead on return. Its process id, 0 when there was none."""
    victim = embedded.status(place).process_id
    if victim:
        os.kill(victim, signal.SIGKILL)
        until(lambda: embedded.status(place).process_id != victim)
    return victim


def starts(place: Path) -> int:
    return (place / "server.log").read_text().lower().count("ready to accept connections")


def test_the_first_starts_it_and_the_last_one_out_stops_it(place: Path):
    first, second = embedded.attach(place), embedded.attach(place)
    assert (first.started_here, second.started_here) == (True, False)
    first.release()
    assert ask(place, "PING") == b"+PONG"
    second.release()
    assert not embedded.status(place).running
    assert not Path(second.socket).exists()


def test_what_was_acknowledged_is_there_at_the_next_start(place: Path):
    first = embedded.attach(place)
    ask(place, "SET", "color", "blue")
    first.release()
    second = embedded.attach(place)
    assert ask(place, "GET", "color") == b"blue"
    second.release()


def test_an_ephemeral_server_keeps_nothing_on_disk(place: Path):
    first = embedded.attach(place, ephemeral=True)
    ask(place, "SET", "color", "blue")
    first.release()
    second = embedded.attach(place, ephemeral=True)
    assert ask(place, "EXISTS", "color") == b":0"
    second.release()
    assert not (place / "appendonlydir").exists()


def test_twenty_processes_at_once_have_one_server(place: Path, spawn: Spawn):
    script = """
        say("ready"); wait()
        attachment = embedded.attach(place)
        say(embedded.status(place).process_id, attachment.started_here); wait()
        attachment.release()
    """
    crowd = [spawn(script) for _ in range(20)]
    assert [hear(each) for each in crowd] == ["ready"] * 20
    for each in crowd:
        go(each)
    told = [hear(each).split() for each in crowd]
    assert len({server for server, _ in told}) == 1
    assert [started for _, started in told].count("True") == 1
    assert len(embedded.status(place).users) == 20
    for each in crowd:
        finish(each)
    assert not embedded.status(place).running
    assert starts(place) == 1


def test_processes_that_come_and_go_never_miss_one_another(place: Path, spawn: Spawn):
    script = """
        for number in range(15):
            attachment = embedded.attach(place)
            assert process.ask(attachment.socket, "INCR", "visits", timeout=5)[:1] == b":"
            attachment.release()
    """
    for each in [spawn(script) for _ in range(4)]:
        finish(each)
    assert not embedded.status(place).running
    attachment = embedded.attach(place)
    assert ask(place, "GET", "visits") == b"60"
    attachment.release()


def test_no_acknowledged_write_is_lost_to_kill_9_of_server_and_users(place: Path, spawn: Spawn):
    script = """
        me, record = sys.argv[2], open(sys.argv[3], "a", buffering=1)
        say("ready")
        for number in range(1_000_000):
            try:
                reply = process.ask(embedded.ensure(place), "RPUSH", me, str(number), timeout=5)
            except OSError:
                continue
            if reply.startswith(b":"):
                print(number, file=record)
    """
    attachment = embedded.attach(place)
    records: dict[str, Path] = {}
    workers: list[subprocess.Popen[str]] = []

    def employ() -> None:
        name = f"user-{len(records)}"
        records[name] = place.parent / name
        workers.append(spawn(script, name, str(records[name])))
        assert hear(workers[-1]) == "ready"

    def have_written(how_many: int) -> None:
        size = sum(path.stat().st_size for path in records.values() if path.exists())
        until(
            lambda: sum(p.stat().st_size for p in records.values() if p.exists()) > size + how_many
        )

    for _ in range(3):
        employ()
    deaths = 0
    for number in range(12):
        have_written(200)
        deaths += bool(kill(place))
        if number % 3 == 0:
            workers.pop(0).kill()
            employ()
    have_written(200)
    for worker in workers:
        worker.kill()
        worker.wait()
    socket_path = embedded.ensure(place)
    for name, record in records.items():
        stored = set()
        for number in range(int(ask(place, "LLEN", name)[1:])):
            stored.add(process.ask(socket_path, "LINDEX", name, str(number), timeout=5))
        lines = record.read_text().split("\n")[:-1]
        assert not {line.encode() for line in lines} - stored
    assert deaths >= 10
    assert starts(place) <= deaths + 1, "a server was started beside a living one"
    attachment.release()


def test_ensure_starts_a_killed_server_again(place: Path):
    path = embedded.ensure(place)
    ask(place, "SET", "color", "blue")
    assert kill(place)
    assert embedded.ensure(place) == path
    assert ask(place, "GET", "color") == b"blue"
    assert embedded.status(place).users == (os.getpid(),)


def test_ensure_of_many_threads_attaches_once(place: Path):
    paths: list[str] = []
    threads = [
        threading.Thread(target=lambda: paths.append(embedded.ensure(place))) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(paths) == {embedded.socket_path(place)}
    assert len(list((place / "users").iterdir())) == 1
    assert starts(place) == 1


def test_ensure_releases_when_the_process_ends_and_says_nothing(place: Path, spawn: Spawn):
    user = spawn("embedded.ensure(place); say('ready'); wait()")
    assert hear(user) == "ready"
    assert embedded.status(place).users == (user.pid,)
    assert finish(user) == ""
    assert not embedded.status(place).running


def test_a_killed_user_does_not_count(place: Path, spawn: Spawn):
    user = spawn("embedded.ensure(place); say('ready'); wait()")
    assert hear(user) == "ready"
    user.kill()
    user.wait()
    found = embedded.status(place)
    assert (found.running, found.users) == (True, ())
    attachment = embedded.attach(place)
    assert not attachment.started_here
    attachment.release()
    assert not embedded.status(place).running
    assert not list((place / "users").iterdir())


def test_a_forked_child_attaches_for_itself(place: Path, spawn: Spawn):
    parent = spawn("""
        embedded.ensure(place)
        inherited = embedded.attach(place)
        child = os.fork()
        if child == 0:
            wait_for_parent = os.getppid()
            inherited.release()  # another's: nothing is to come of it
            embedded.ensure(place)
            say(os.getpid())
            while os.getppid() == wait_for_parent:
                time.sleep(0.005)
            say(*embedded.status(place).users)
            sys.exit()
        wait()
    """)
    child = int(hear(parent))
    assert embedded.status(place).users == tuple(sorted((parent.pid, child)))
    go(parent)
    assert hear(parent) == str(child), "the parent's locks live on in the child"
    parent.wait()
    until(lambda: not embedded.status(place).running)


def test_a_child_of_multiprocessing_releases_at_its_end(place: Path, spawn: Spawn):
    parent = spawn("""
        import multiprocessing
        child = multiprocessing.get_context("fork").Process(target=embedded.ensure, args=(place,))
        child.start()
        child.join()
        say(child.exitcode, embedded.status(place).running)
    """)
    assert finish(parent) == "0 False"


def test_a_path_too_long_for_a_socket(place: Path, directory: Path):
    long = directory / ("x" * 120)
    attachment = embedded.attach(long)
    assert len(attachment.socket) <= 100
    assert ask(long, "PING") == b"+PONG"
    attachment.release()
    assert not Path(attachment.socket).exists()


def test_a_missing_program_leaves_nobody_attached(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASYNQ_REDIS_SERVER", "/no/such/program")
    with pytest.raises(ImproperlyConfigured, match=r"asynq-tasks\[embedded\]"):
        embedded.ensure(place)
    assert embedded.status(place).users == ()


def test_start_lets_it_stay_until_stop(place: Path):
    assert embedded.start(place)
    assert not embedded.start(place)
    found = embedded.status(place)
    assert (found.running, found.kept, found.users) == (True, True, ())
    embedded.attach(place).release()
    assert embedded.status(place).running
    assert embedded.stop(place)
    assert not embedded.stop(place)
    assert not embedded.status(place).kept


def test_stop_where_nothing_ever_was_makes_nothing(place: Path):
    assert not embedded.stop(place)
    assert not embedded.status(place).running
    assert not place.exists()


def test_release_after_somebody_stopped_it(place: Path):
    attachment = embedded.attach(place)
    assert embedded.stop(place)
    attachment.release()
    attachment.release()
    assert not list((place / "users").iterdir())


def test_a_start_that_hangs_does_not_hold_others_for_ever(place: Path):
    place.mkdir()
    with (
        flocks.held(place / "lock", timeout=1.0),
        pytest.raises(OperationalError, match="another process has held"),
    ):
        embedded.attach(place, timeout=0.05)


@pytest.mark.parametrize("text", ["soon", "-1", "inf", "nan"])
def test_a_grace_period_is_a_number_of_seconds(
    place: Path, monkeypatch: pytest.MonkeyPatch, text: str
):
    monkeypatch.setenv("ASYNQ_EMBEDDED_GRACE", text)
    with pytest.raises(ImproperlyConfigured, match="ASYNQ_EMBEDDED_GRACE must be a number"):
        embedded.attach(place)


def test_who_leaves_while_others_are_busy_with_it_leaves_all_the_same(
    place: Path, monkeypatch: pytest.MonkeyPatch
):
    embedded.ensure(place)
    taken = flocks.take

    def take(path: Path, *, timeout: float) -> int:
        return taken(path, timeout=min(timeout, 0.05))

    monkeypatch.setattr(flocks, "take", take)
    with flocks.held(place / "lock", timeout=1.0):
        embedded.release_all()
    found = embedded.status(place)
    assert (found.running, found.users) == (True, ())


def test_who_leaves_a_directory_that_is_gone_leaves_in_peace(place: Path):
    embedded.ensure(place)
    away = place.rename(place.with_name("away"))
    embedded.release_all()
    away.rename(place)
    assert embedded.status(place).running
