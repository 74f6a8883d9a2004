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
