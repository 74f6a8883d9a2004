"""Where pidfiles and logs are when nobody has said where."""

import stat

import pytest

from asynq.exceptions import ImproperlyConfigured
from asynq.multi.places import as_pattern, default_place
from asynq.worker.node import file_name


def test_it_is_the_apps_state_directory_and_private(tmp_path, monkeypatch):
    monkeypatch.setenv("ASYNQ_STATE_DIR", str(tmp_path))
    place = default_place("proj")
    assert place == tmp_path / "proj" / "multi"
    assert not place.exists()
    assert default_place("proj", make=True) == place
    assert [stat.S_IMODE(each.stat().st_mode) for each in (place.parent, place)] == [0o700, 0o700]


def test_two_apps_never_share_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ASYNQ_STATE_DIR", str(tmp_path))
    assert len({default_place(name) for name in ("proj", "proj.main:app", "proj:main.app")}) == 3


def test_one_that_can_not_be_made_is_told_with_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ASYNQ_STATE_DIR", str(tmp_path / "file"))
    with pytest.raises(ImproperlyConfigured, match="--pidfile=PATH and --logfile=PATH"):
        default_place("proj", make=True)


def test_a_directory_with_a_percent_sign_means_itself(tmp_path):
    path = tmp_path / "100%n"
    assert file_name(as_pattern(path), "w1@h") == str(path)
