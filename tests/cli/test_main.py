"""The command line as a whole: what it is made of, and how it ends."""

import re
import subprocess
import sys

import pytest
from click.exceptions import Exit

import asynq
from asynq._imports import import_object
from asynq.cli import tasks
from asynq.exceptions import ImproperlyConfigured, OperationalError

COMMANDS = (
    *("worker", "beat", "multi", "call", "result", "purge", "list", "report", "doctor", "ping"),
    *("shell", "inspect", "control", "status", "queues", "events", "web", "dead", "schedule"),
    *("workflow", "server"),
)
GROUPS = {
    "multi": (
        *("start", "stop", "stopwait", "stop_verify", "restart", "kill"),
        *("show", "get", "names", "expand", "help"),
    ),
    "queues": ("pause", "resume", "limit"),
    "dead": ("list", "show", "retry", "purge"),
    "schedule": ("list", "add", "pause", "resume", "run-now", "remove"),
    "workflow": ("list", "show", "cancel"),
    "server": ("status", "start", "stop", "path"),
}


def test_it_says_its_version(project):
    assert project.run("--version") == (0, f"asynq {asynq.__version__}\n", "")


def test_the_program_is_asynq_and_also_python_m_asynq():
    for program in (["asynq"], ["-m", "asynq"]):
        words = [*program, "--version"]
        if program == ["asynq"]:
            words = ["-c", "from asynq.cli.main import main; main(['--version'])"]
        told = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
        assert told.stdout == f"asynq {asynq.__version__}\n"


def test_help_names_all_commands_each_with_a_whole_sentence(project):
    told = project.run("-h")
    assert told.code == 0
    lines = told.out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == list(COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)


def test_a_command_that_multi_has_looked_at_has_help_as_before(project, capsys):
    worker = import_object("asynq.cli.worker:worker")
    vars(worker)["_help_option"] = None  # as in a new process
    with pytest.raises(Exit) as ended:
        worker.make_context("asynq worker", ["-h"])
    assert ended.value.exit_code == 0
    assert "Usage: asynq worker" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        *((command,) for command in COMMANDS),
        *((group, command) for group, commands in GROUPS.items() for command in commands),
    ],
    ids=" ".join,
)
def test_each_command_has_help_and_tells_what_each_option_is_for(project, words):
    told = project.run(*words, "-h")
    assert (told.code, told.err) == (0, "")
    assert told.out == project.run(*words, "--help").out
    options = told.out.partition("Options:\n")[2].partition("Commands:\n")[0]
    lines = options.splitlines()
    assert lines
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("  -"):
            assert "  " in line.strip() or following.startswith("     "), line
    assert not re.search("<[a-z]", options), (
        "a type of the parser's, where a word for people belongs"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("wroker",), "No such command 'wroker'"),
        (("worker", "--concurency", "3"), "No such option"),
        (("worker", "-c", "many"), "--concurrency"),
        (("worker", "-c", "0"), "--concurrency"),
        (("call",), "Missing argument"),
        (("list", "things"), "expected `list queues` or `list tasks`"),
        (("--workdir", "/no/such/place", "report"), "/no/such/place: No such file or directory"),
    ],
)
def test_what_it_does_not_understand_ends_with_2(project, words, says):
    ran = project.run("-A", "shop", *words)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImproperlyConfigured("no\nway"), 78),
        (OperationalError("no\nway"), 69),
        (NotImplementedError("no\nway"), 78),
        (asynq.exceptions.EncodeError("no\nway"), 1),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(project, monkeypatch, error, code):
    def raise_it(*_):
        raise error

    monkeypatch.setattr(tasks, "version_of", raise_it)
    assert project.run("-A", "shop", "report") == (code, "", "Error: no way\n")


def test_ctrl_c_ends_it_with_130(project, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tasks, "version_of", interrupted)
    ran = project.run("-A", "shop", "report")
    assert ran.code == 130
    assert "Traceback" not in ran.err
