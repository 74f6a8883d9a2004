"""`asynq multi`: what it understands, and what it says before anything is started."""

import shlex
import socket
import sys

import pytest

from asynq import __version__
from asynq.cli import multi_call

HOST = socket.gethostname()


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("ASYNQ_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def multi(project, state):
    """`asynq -A shop multi …`; nothing is imported of the app."""
    return lambda *words: project.run("-A", "shop", "multi", *words)


def shown(ran):
    assert (ran.code, ran.err) == (0, "")
    return [shlex.split(line) for line in ran.out.splitlines()]


# Looking


def test_show_is_the_command_that_does_it_by_hand(multi, state):
    place = state / "shop" / "multi"
    assert shown(multi("show", "w1", "-l", "INFO")) == [
        [
            *(sys.executable, "-m", "asynq", "-A", "shop", "worker", "--detach", "-l", "INFO"),
            *(f"--pidfile={place}/w1.pid", f"--logfile={place}/w1%I.log", "-n", f"w1@{HOST}"),
        ]
    ]
    assert not state.exists()


def test_what_is_said_of_the_app_stands_before_the_word_worker(project, state):
    words = ("-b", "memory://x", "-A", "other", "--result-backend=memory://y", "-c:1=4")
    (command,) = shown(project.run("multi", "show", "w1", *words))
    before, after = command[: command.index("worker")], command[command.index("worker") :]
    assert before[3:] == ["-b", "memory://x", "-A", "other", "--result-backend=memory://y"]
    assert after[:4] == ["worker", "--detach", "-c", "4"]
    assert f"--pidfile={state}/other/multi/w1.pid" in after


def test_two_apps_in_one_call_have_places_of_their_own(project, state):
    commands = shown(project.run("multi", "show", "2", "-A:1", "one", "-A:2", "two"))
    files = [word for command in commands for word in command if word.startswith("--pidfile")]
    assert files == [
        f"--pidfile={state}/one/multi/asynq1.pid",
        f"--pidfile={state}/two/multi/asynq2.pid",
    ]


def test_the_app_may_be_named_where_the_worker_finds_it_too(project, state, monkeypatch):
    project.write("pyproject.toml", '[tool.asynq]\napp = "written"\n')
    (command,) = shown(project.run("multi", "show", "w1"))
    assert f"--pidfile={state}/written/multi/w1.pid" in command
    assert "-A" not in command
    monkeypatch.setenv("ASYNQ_APP", "surrounding")
    (command,) = shown(project.run("multi", "show", "w1"))
    assert f"--pidfile={state}/surrounding/multi/w1.pid" in command


def test_the_working_directory_is_changed_once(multi, project):
    (project.directory / "deep").mkdir()
    (command,) = shown(multi("show", "w1", "--workdir", "deep"))
    assert f"--workdir={project.directory}/deep" in command


def test_another_python_may_run_it(multi):
    (command,) = shown(multi("show", "w1", "--executable=/opt/bin/python"))
    assert command[:3] == ["/opt/bin/python", "-m", "asynq"]


def test_names(multi):
    assert multi("names", "2").out == f"asynq1@{HOST}\nasynq2@{HOST}\n"
    assert multi("names", "2", "--range-prefix", "w", "-n", "box").out == "w1@box\nw2@box\n"
    assert multi("names", "a", "b@c", "-n@x.%h").out == f"a@x.{HOST}\nb@c\n"
    assert multi("names", "a@%h", "b@x.%h").out == f"a@{HOST}\nb@x.{HOST}\n"


def test_expand(multi):
    assert multi("expand", "/run/%n-%d.pid", "a", "b@c").out == f"/run/a-{HOST}.pid\n/run/b-c.pid\n"


def test_get_is_one_of_them(multi):
    told = multi("get", "asynq2", "3", "-c:2", "7")
    assert told.code == 0
    assert "-c 7" in told.out
    assert told.out.count("\n") == 1
    assert multi("get", f"asynq2@{HOST}", "3", "-c:2", "7") == told
    assert multi("get", "asynq4", "3") == (1, "", "")


def test_help_is_the_same_by_all_its_names(multi):
    told = multi("help")
    assert told.code == 0
    assert "stopwait" in told.out
    assert multi("-h") == told
    assert "--range-prefix" in multi("start", "w1", "-h").out


# Mistakes


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("start",), "which nodes? Say names (w1 w2), or how many: 3"),
        (("start", "3", "-Q:5", "a"), "no node 5 for the selector :5"),
        (("start", "w1", "-Q:w2", "a"), "no node 'w2' for the selector :w2; there are w1"),
        (("start", "w1", "w1"), "is named twice"),
        (("start", "w1", "-Q"), "-Q needs a value"),
        (("start", "w-%p"), f"'w-%p@{HOST}' is no node name"),
        (("start", "w1", "--lgolevel=INFO"), "No such option '--lgolevel'"),
        (("start", "w1", "-c", "many"), "'many' is not a valid integer range"),
        (("start", "2", "-c:2", "0"), "0 is not in the range"),
        (("start", "w1", "-P", "prefork"), "asynq worker -P: there is no prefork pool"),
        (("start", "w1", "-n:1", "h"), "-n is for all nodes"),
        (("start", "w1", "-n", "x%p"), "%p is not known before a node runs"),
        (("start", "2", "--pidfile=one.pid"), "would share the pidfile"),
        (("start", "w1", "--pidfile=%x.pid"), "--pidfile %x.pid: %x is none of"),
        (("start", "w1", "--workdir=nowhere"), "--workdir nowhere: No such file or directory"),
        (("start", "w1", "--uid=root"), "with --uid say --pidfile and --logfile"),
        (("get",), "which node?"),
        (("expand",), "expected a text"),
        (("stop", "w1", "-ABRT", "-Z"), "No such option '-Z'"),
        (("begin", "w1"), "No such command 'begin'"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_a_mistake_is_said_before_anything_is_started(multi, state, words, says):
    ran = multi(*words)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert not list(state.rglob("*.log"))


def test_without_an_app_there_is_no_place_for_its_files(project, state):
    ran = project.run("multi", "start", "w1")
    assert ran.code == 78
    assert "which app? Say -A MODULE" in ran.err


# Acting


class NoCluster:
    """Keeps what it is told to do."""

    did: tuple

    def __init__(self, launches, voice):
        NoCluster.launches = launches
        self.voice = voice

    def __getattr__(self, name):
        def act(*words):
            NoCluster.did = (name, *words)
            self.voice.heading("Acting...")
            self.voice.node("w1@h", "OK")
            return 5

        return act


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setattr(multi_call, "Cluster", NoCluster)
    return NoCluster


@pytest.mark.parametrize(
    ("words", "did"),
    [
        (("start", "w1"), ("start",)),
        (("stop", "w1"), ("stop", 15)),
        (("stop", "w1", "-QUIT"), ("stop", 3)),
        (("stop", "w1", "-9"), ("stop", 9)),
        (("stopwait", "w1", "-SIGINT"), ("stop_and_wait", 2)),
        (("stop_verify", "w1"), ("stop_and_wait", 15)),
        (("restart", "w1", "-HUP"), ("restart", 1)),
        (("kill", "w1"), ("kill",)),
    ],
    ids=lambda part: " ".join(map(str, part)),
)
def test_each_command_does_one_thing_and_its_code_is_ours(multi, cluster, words, did):
    ran = multi(*words)
    assert ran.code == 5
    assert cluster.did == did
    assert ran.out == f"asynq multi v{__version__}\n> Acting...\n\t> w1@h: OK\n"


def test_what_is_launched_is_what_is_shown_in_the_foreground(multi, cluster, project):
    words = ("w1", "-Q", "a", "--pidfile=run/%n.pid", "--logfile=%n%I.log", "--processes=2")
    multi("start", *words)
    (launch,) = cluster.launches
    (command,) = shown(multi("show", *words))
    assert launch.command == [word for word in command if word != "--detach"]
    assert launch.name == f"w1@{HOST}"
    assert launch.pidfile == project.directory / "run" / "w1.pid"
    assert launch.logfile == project.directory / "w1.log"
    assert (launch.processes, launch.owner) == (2, None)


@pytest.mark.parametrize(
    "words",
    [("start", "w1", "-q"), ("-q", "start", "w1"), ("start", "--quiet", "w1")],
    ids=" ".join,
)
def test_quiet_wherever_it_is_said(multi, cluster, words):
    assert multi(*words).out == ""


def test_without_the_splash(multi, cluster):
    assert multi("--nosplash", "start", "w1").out.startswith("> Acting...")
