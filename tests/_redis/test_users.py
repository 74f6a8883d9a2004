"""Who uses an embedded server."""

from __future__ import annotations

import os
from pathlib import Path

from asynq._redis import users


def test_two_attachments_of_a_process_are_one_user_and_the_dead_are_none(directory: Path):
    (directory / "users").mkdir()
    (directory / "users/1-dead.lock").touch()
    first, _ = users.enter(directory, timeout=1.0)
    second, _ = users.enter(directory, timeout=1.0)
    assert users.process_ids(directory) == (os.getpid(),)
    assert users.sweep(directory, but=first)
    assert set((directory / "users").iterdir()) == {first, second}


def test_the_one_that_lingers_is_no_user_but_somebody(directory: Path):
    (directory / "users").mkdir()
    path, _ = users.enter(directory, timeout=1.0)
    users.linger(path)
    assert users.process_ids(directory) == ()
    assert users.sweep(directory, but=directory / "users/1-other.lock")
