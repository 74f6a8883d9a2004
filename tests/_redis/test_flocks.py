"""Locks that end with their holder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asynq._redis import flocks
from asynq.exceptions import ImproperlyConfigured, OperationalError


def test_what_is_taken_is_held_until_it_is_dropped(directory: Path):
    path = directory / "lock"
    assert not flocks.is_held(path)
    assert not path.exists(), "to ask is not to make"
    descriptor = flocks.take(path, timeout=1.0)
    assert flocks.is_held(path)
    assert not os.get_inheritable(descriptor)
    flocks.drop(descriptor)
    flocks.drop(descriptor)
    assert not flocks.is_held(path)


def test_a_second_taker_gives_up_in_time(directory: Path):
    path = directory / "lock"
    with (
        flocks.held(path, timeout=1.0),
        pytest.raises(OperationalError, match=r"another process has held .*lock for 0.02 s"),
    ):
        flocks.take(path, timeout=0.02)
    assert not flocks.is_held(path)


def test_those_who_only_ask_do_not_see_one_another(directory: Path):
    path = directory / "lock"
    path.touch()
    asking = os.open(path, os.O_RDWR)
    try:
        assert flocks._lock(asking, shared=True)
        assert not flocks.is_held(path)
    finally:
        os.close(asking)


def test_an_inherited_lock_lasts_as_long_as_its_heir(directory: Path):
    path = directory / "lock"
    descriptor = flocks.take(path, timeout=1.0)
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,)
    ) as heir:
        flocks.drop(descriptor)
        assert flocks.is_held(path)
        heir.kill()
        heir.wait()
        assert not flocks.is_held(path)


def test_a_descriptor_that_came_with_us_is_adopted(directory: Path):
    path = directory / "lock"
    descriptor = os.dup(flocks.take(path, timeout=1.0))
    os.set_inheritable(descriptor, True)
    assert flocks.adopt(descriptor) == descriptor
    assert not os.get_inheritable(descriptor)
    flocks._drop_all()  # what a forked child does at its birth
    assert not flocks.is_held(path)


def test_without_such_locks_the_error_names_the_cure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flocks, "SUPPORTED", False)
    with pytest.raises(ImproperlyConfigured, match='broker="redis://localhost"'):
        flocks.require()
