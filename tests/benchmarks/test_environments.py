"""The environments of the systems that are compared: made once, and kept."""

import json
import platform
import sys
from dataclasses import replace

from benchmarks.environments import interpreter, versions
from benchmarks.system import System

SOMETHING = System("something", ("pip",), ("something that is nowhere",), ("something",))


def made(directory, *install):
    python = directory / "something" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    stamp = directory / "something" / ".installed"
    stamp.write_text(json.dumps([platform.python_version(), *install]))
    return python


def test_an_environment_that_is_there_is_taken_and_not_made_again(tmp_path):
    python = made(tmp_path, *SOMETHING.install)
    assert interpreter(SOMETHING, tmp_path) == python


def test_settings_of_one_system_share_its_environment(tmp_path):
    python = made(tmp_path, *SOMETHING.install)
    assert interpreter(replace(SOMETHING, name="something-fast"), tmp_path) == python


def test_what_needs_nothing_runs_here_and_says_its_versions(tmp_path):
    here = replace(SOMETHING, install=())
    python = interpreter(here, tmp_path)
    assert str(python) == sys.executable
    assert versions(here, python).keys() == {"pip"}
    assert list(tmp_path.iterdir()) == []
