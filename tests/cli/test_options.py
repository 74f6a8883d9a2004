"""Options that stand before the command, and `-A`, which may stand after it."""

import json

import pytest


def settings(ran):
    assert ran.code == 0, ran.err
    return json.loads(ran.out)["settings"]


@pytest.mark.parametrize("words", [("-A", "shop", "report"), ("report", "-A", "shop")])
def test_the_app_is_named_before_or_after_the_command(project, words):
    assert settings(project.run(*words, "--json"))["broker_url"].startswith("memory://")


def test_the_name_after_the_command_stands_over_the_one_before(project):
    assert project.run("-A", "nothing", "list", "tasks", "-A", "shop").code == 0


def test_the_app_is_named_by_the_environment(project, monkeypatch):
    monkeypatch.setenv("ASYNQ_APP", "shop")
    assert "shop.add" in project.run("list", "tasks").out


def test_broker_and_backend_stand_over_the_apps_own(project, monkeypatch):
    monkeypatch.setenv("ASYNQ_BROKER_URL", "memory://by-environment")
    shown = settings(
        project.run(
            *("-b", "memory://by-option", "--result-backend", "disabled://"),
            *("-A", "shop", "report", "--json"),
        )
    )
    assert (shown["broker_url"], shown["result_backend"]) == ("memory://by-option", "disabled://")


def test_workdir_is_where_the_app_is_looked_for(project):
    project.write("deep/down.py", "from asynq import Asynq\napp = Asynq('deep')\n")
    assert project.run("-A", "down", "list", "tasks").code == 78
    assert project.run("--workdir", "deep", "-A", "down", "list", "tasks").code == 0


def test_modules_of_the_app_are_imported_before_its_tasks_are_used(project):
    project.write("main.py", "from asynq import Asynq\napp = Asynq('m', include=['extra'])\n")
    project.write("extra.py", "from main import app\n@app.task\ndef more(): pass\n")
    assert project.run("-A", "main", "list", "tasks").out == "extra.more\n"


def test_a_broken_module_of_the_app_is_its_authors_error(project):
    project.write("main.py", "from asynq import Asynq\napp = Asynq('m', include=['extra'])\n")
    project.write("extra.py", "raise RuntimeError('not today')\n")
    ran = project.run("-A", "main", "list", "tasks")
    assert ran.code == 78
    assert ran.err.endswith("Error: can't import the app's modules: RuntimeError: not today\n")


def test_a_module_that_is_not_there_is_named(project):
    project.write("main.py", "from asynq import Asynq\napp = Asynq('m', include=['extra'])\n")
    ran = project.run("-A", "main", "list", "tasks")
    assert ran.code == 78
    assert ran.err.startswith("Error: include names 'extra', and there is no such module.")


COMMANDS = [
    ("worker",),
    ("call", "shop.greet"),
    ("result", "id"),
    ("purge", "-f"),
    ("list", "queues"),
    ("list", "tasks"),
    ("report",),
    ("shell",),
    ("server", "status"),
]
KNOWN = "names no broker that is known here: expected one of embedded://, memory://, redis://"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_broker_that_is_none_ends_every_command_before_it_begins(project, words):
    ran = project.run("-A", "shop", "-b", "amqp://me:hunter2@localhost", *words)
    assert (ran.code, ran.out) == (78, "")
    assert ran.err.startswith(f"Error: --broker: 'amqp://me:********@localhost' {KNOWN}")


def test_it_is_said_where_a_wrong_url_comes_from(project, monkeypatch):
    for name in ("one", "two"):
        project.write(
            f"{name}.py", "from asynq import Asynq\napp = Asynq(broker='localhost:6379')\n"
        )
    said = "names no broker that is known here"
    ran = project.run("-A", "one", "list", "tasks")
    assert ran.err.startswith(f"Error: broker_url: 'localhost:6379' {said}")
    monkeypatch.setenv("ASYNQ_BROKER_URL", "amqp://here")
    ran = project.run("-A", "two", "list", "tasks")
    assert ran.err.startswith(f"Error: ASYNQ_BROKER_URL: 'amqp://here' {said}")


def test_a_wrong_result_backend_is_not_blamed_on_the_broker(project):
    for name in ("one", "two"):
        project.write(f"{name}.py", "from asynq import Asynq\napp = Asynq(backend='rpc://')\n")
    said = "names no result backend that is known here"
    ran = project.run("-A", "one", "list", "tasks")
    assert (ran.code, ran.out) == (78, "")
    assert ran.err.startswith(f"Error: result_backend: 'rpc://' {said}")
    ran = project.run("-A", "two", "--result-backend", "db+sqlite://", "list", "tasks")
    assert ran.err.startswith(f"Error: --result-backend: 'db+sqlite://' {said}")


def test_an_option_of_the_url_that_is_none_is_said_as_well(project):
    ran = project.run("-A", "shop", "-b", "redis://localhost/0?sosket_timeout=3", "list", "tasks")
    assert ran.code == 78
    assert ran.err.startswith(
        "Error: --broker: redis://localhost/0?sosket_timeout=3: unknown option"
    )


def test_a_wrong_key_is_not_blamed_on_the_broker_nor_shown(project, monkeypatch):
    project.write("one.py", "from asynq import Asynq\napp = Asynq(broker='memory://')\n")
    monkeypatch.setenv("ASYNQ_MESSAGE_KEYS", "k1:too short")
    ran = project.run("-A", "one", "list", "tasks")
    assert (ran.code, ran.out) == (78, "")
    assert ran.err.startswith("Error: message_keys: expected a dict from key ids to secrets")
    assert "too short" not in ran.err
