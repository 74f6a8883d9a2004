"""Where the embedded server lives: the same place for every process of an app."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from asynq._redis import paths
from asynq.exceptions import ImproperlyConfigured


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ASYNQ_STATE_DIR")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    return Path("/home/ada")


def test_it_is_in_the_users_state_directory(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert paths.state_directory("shop") == home / ".local/state/asynq/shop"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert paths.state_directory("shop") == home / "Library/Application Support/asynq/shop"


@pytest.mark.skipif(sys.platform == "darwin", reason="of Linux alone")
@pytest.mark.parametrize(
    ("named", "expected"),
    [("/var/states", "/var/states"), ("relative", "/home/ada/.local/state")],
)
def test_xdg_state_home_counts_when_absolute(
    home: Path, monkeypatch: pytest.MonkeyPatch, named: str, expected: str
):
    monkeypatch.setenv("XDG_STATE_HOME", named)
    assert paths.state_directory("shop") == Path(expected) / "asynq/shop"


def test_asynq_state_dir_wins(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/var/states")
    monkeypatch.setenv("ASYNQ_STATE_DIR", "~/mine")
    assert paths.state_directory("shop") == home / "mine/shop"


def test_a_user_without_a_home_is_told_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(ImproperlyConfigured, match="ASYNQ_STATE_DIR"):
        paths.state_directory("shop")


@pytest.mark.parametrize("name", ["shop", "my.shop", "Shop_2", "a" * 64])
def test_a_fit_name_stays_as_it_is(name: str):
    assert paths.state_directory(name).name == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/etc", "a b", "ä", "a\0b", ".hidden", "a:b", "-n", "a" * 65]
)
def test_any_other_becomes_one_safe_name_of_its_own(name: str):
    found = paths.state_directory(name)
    assert found.parent == paths.state_directory("shop").parent
    assert found.name.strip("-.").isascii()
    assert len(found.name) <= 64
    assert "\0" not in found.name
    assert found != paths.state_directory(name + "!")
    assert found == paths.state_directory(name)


def test_the_socket_is_beside_the_data():
    assert paths.socket_path(Path("/some/place")) == "/some/place/s.sock"


def test_one_place_has_one_socket_however_it_is_spelled(directory: Path):
    (directory / "place").mkdir()
    (directory / "link").symlink_to(directory / "place")
    spellings = [directory / "place", directory / "link", directory / "link/../place"]
    assert len({paths.socket_path(each) for each in spellings}) == 1


def test_a_long_path_has_a_short_socket_that_no_variable_moves(monkeypatch: pytest.MonkeyPatch):
    long = Path("/" + "x" * 100)
    found = paths.socket_path(long)
    assert found.startswith(f"/tmp/asynq-{os.getuid()}/")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    assert paths.socket_path(long) == found
    assert paths.socket_path(Path("/" + "x" * 101)) != found


def test_asking_for_paths_makes_nothing(directory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASYNQ_STATE_DIR", str(directory))
    paths.socket_path(paths.state_directory("shop"))
    assert not list(directory.iterdir())


def test_a_new_directory_is_private(directory: Path):
    paths.make_private(directory / "a/b")
    assert (directory / "a/b").stat().st_mode & 0o777 == 0o700


def test_another_users_directory_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ImproperlyConfigured, match="another user's"):
        paths.make_private(directory)


def test_a_directory_that_can_not_be_made_is_refused(directory: Path):
    (directory / "file").touch()
    with pytest.raises(ImproperlyConfigured, match="Not a directory"):
        paths.make_private(directory / "file/below")


def test_a_socket_is_not_put_where_others_reach_in(directory: Path):
    directory.chmod(0o755)
    with pytest.raises(ImproperlyConfigured, match="chmod 700"):
        paths.make_private_for_socket(str(directory / "s.sock"))
