"""How the command line tells what is wrong."""

import pytest

from asynq.cli.errors import Broken, Misused, described, importing, one_line, report
from asynq.exceptions import (
    AsynqError,
    BrokerFull,
    ContentDisallowed,
    ImproperlyConfigured,
    OperationalError,
    QueueNotFound,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misused("x"), 2),
        (ImproperlyConfigured("x"), 78),
        (QueueNotFound("x"), 78),
        (NotImplementedError("x"), 78),
        (Broken("x"), 78),
        (OperationalError("x"), 69),
        (BrokerFull("x"), 69),
        (ContentDisallowed("x"), 1),
        (AsynqError("x"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(capsys, error, code):
    assert report(error) == code
    assert capsys.readouterr() == ("", "Error: x\n")


def test_it_is_one_line_without_a_password():
    assert one_line(ValueError("at\n  redis://me:secret@host")) == "at redis://me:********@host"
    assert one_line(ValueError()) == "ValueError"
    assert described(ValueError("at\n  once")) == "ValueError: at once"
    assert described(ValueError()) == "ValueError"
    assert described(ValueError("\x1b[31mred")) == "ValueError: \\u001b[31mred"


def test_the_apps_own_error_is_shown_from_where_it_is_the_apps_own(project, capsys):
    project.write("inner.py", "def f():\n    return 1 / 0\n")
    project.write("outer.py", "import inner\n\ninner.f()\n")
    ran = project.run("-A", "outer", "report")
    assert ran.code == 78
    lines = ran.err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].endswith('outer.py", line 3, in <module>')
    assert "asynq/cli" not in ran.err
    assert "importlib" not in ran.err
    assert lines[-1] == "Error: can't import outer: ZeroDivisionError: division by zero"


def test_what_asynq_has_against_an_app_is_no_traceback(project):
    project.write("wrong.py", "from asynq import Asynq\napp = Asynq(task_acks_lat=True)\n")
    ran = project.run("-A", "wrong", "report")
    assert ran.code == 78
    assert ran.err.count("\n") == 1
    assert "task_acks_late" in ran.err


def test_a_syntax_error_is_shown_with_its_line(project):
    project.write("wrong.py", "app = = 1\n")
    ran = project.run("-A", "wrong", "report")
    assert ran.code == 78
    assert 'wrong.py", line 1' in ran.err
    assert ran.err.splitlines()[-1].startswith("Error: can't import wrong: SyntaxError")


def test_importing_lets_exits_through():
    with pytest.raises(SystemExit), importing("x"):
        raise SystemExit(3)
