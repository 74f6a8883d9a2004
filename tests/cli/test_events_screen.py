"""`asynq events` without a terminal, or without what the live screen needs."""

import sys

import pytest

from tests.test_house import python


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "the live screen needs a terminal: say asynq events --dump"),
        (("--limit", "3"), "--limit goes with --dump, or --json"),
        (("-t", "task-failed"), "--type goes with --dump, or --json"),
        (("--from", "beginning"), "--from goes with --dump, or --json"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_it_can_not_do_is_said(project, words, says):
    ran = project.run("-A", "shop", "events", *words)
    assert (ran.code, ran.out, ran.err) == (2, "", f"Error: {says}\n")


def test_what_is_not_installed_is_named(project, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("asynq.monitor.screen")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual", None)
    monkeypatch.setattr("asynq.cli.events._check_screen", lambda *_: None)
    ran = project.run("-A", "shop", "events")
    assert ran.code == 2
    assert ran.err == (
        "Error: the live screen needs textual: pip install 'asynq-tasks[screen]'; "
        "or say asynq events --dump\n"
    )


def test_the_command_does_not_load_what_it_does_not_use():
    loaded = python("import sys, asynq.cli.events; print(*sys.modules)").split()
    assert [name for name in loaded if name.split(".")[0] in ("textual", "rich")] == []
    assert [name for name in loaded if name.startswith("asynq.monitor")] == []
