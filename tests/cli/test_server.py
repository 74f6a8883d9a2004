"""`asynq server …`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asynq._redis import embedded
from asynq.cli.main import cli


@pytest.fixture(autouse=True)
def place(directory: Path, monkeypatch: pytest.MonkeyPatch):
    """The directory of the server that is meant when no other is named."""
    monkeypatch.setenv("ASYNQ_STATE_DIR", str(directory))
    yield directory / "default"
    for each in directory.iterdir():
        embedded.stop(each)


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["server", *map(str, words)])


def test_status_of_none_exits_with_1(place: Path):
    result = run("status")
    assert result.exit_code == 1
    assert "○ not running" in result.output
    assert str(place) in result.output


def test_started_it_stays_until_stopped(place: Path):
    assert "Started. It stays until" in run("start").output
    assert "It was running. It stays until" in run("start").output
    result = run("status")
    assert result.exit_code == 0
    assert "● running   valkey 9." in result.output
    assert "used by    nobody (stays until `asynq server stop`)" in result.output
    assert "0 keys" in result.output
    assert run("stop").output == "Stopped.\n"
    assert run("stop").output == "It was not running.\n"


def test_status_for_programs(place: Path):
    told = json.loads(run("status", "--json").output)
    assert (told["running"], told["directory"]) == (False, str(place))
    run("start")
    told = json.loads(run("status", "--json").output)
    assert (told["running"], told["answering"], told["users"]) == (True, True, [])
    assert told["socket"] == str(place / "s.sock")


def test_a_server_in_use_is_stopped_by_force_alone(place: Path):
    attachment = embedded.attach(place)
    result = run("stop")
    assert result.exit_code == 1
    assert f"used by process {os.getpid()}, which would start it again" in result.output
    assert embedded.status(place).running
    assert run("stop", "--force").output == "Stopped.\n"
    assert not embedded.status(place).running
    attachment.release()


def test_another_app_has_another_server(directory: Path):
    assert run("path").output == f"{directory}/default\n"
    assert run("path", "--name", "shop").output == f"{directory}/shop\n"
    assert run("path", "--directory", "/some/where").output == "/some/where\n"
    assert run("path", "-n", "shop", "--socket").output == f"{directory}/shop/s.sock\n"
    run("start", "--name", "shop")
    assert run("status", "--name", "shop").exit_code == 0
    assert run("status").exit_code == 1
    assert run("stop", "--directory", directory / "shop").output == "Stopped.\n"


def test_the_app_tells_which_server(project, directory: Path):
    for words in (
        ("-A", "served", "server", "path"),
        ("server", "-A", "served", "path"),
        ("server", "path", "-A", "served"),
    ):
        project.write("served.py", "from asynq import Asynq\napp = Asynq('shop')\n")
        assert project.run(*words).out == f"{directory}/shop\n"


def test_the_apps_namespace_and_directory_count(project, directory: Path):
    project.write("one.py", "from asynq import Asynq\napp = Asynq('shop', namespace='space')\n")
    project.write("two.py", "from asynq import Asynq\napp = Asynq(broker='embedded:///a/place')\n")
    project.write("three.py", "from asynq import Asynq\napp = Asynq(broker='embedded://other')\n")
    assert project.run("-A", "one", "server", "path").out == f"{directory}/space\n"
    assert project.run("-A", "two", "server", "path").out == "/a/place\n"
    assert project.run("-A", "three", "server", "path").out == f"{directory}/other\n"
    assert project.run("-A", "three", "server", "path", "-n", "x").out == f"{directory}/x\n"


def test_without_an_app_it_is_the_one_of_apps_without_a_name(project, directory: Path):
    assert project.run("server", "path").out == f"{directory}/default\n"
    assert project.run("-b", "embedded:///a/place", "server", "path").out == "/a/place\n"


def test_an_app_on_another_server_has_none(project):
    project.write("far.py", "from asynq import Asynq\napp = Asynq(broker='redis://:secret@far')\n")
    ran = project.run("-A", "far", "server", "status")
    assert ran.code == 78
    assert ran.err.startswith("Error: the broker is redis://:********@far, which is no embedded")
