"""The grace period of the embedded server."""

from __future__ import annotations

from pathlib import Path

import pytest

from asynq._redis import embedded
from tests._redis.embedding import until


def test_with_a_grace_period_it_outlives_its_last_user(place: Path):
    first = embedded.attach(place, grace=60.0)
    first.release()
    found = embedded.status(place)
    assert (found.running, found.users) == (True, ())
    second = embedded.attach(place)
    assert not second.started_here
    second.release()  # one lingers, so this is not the last one out
    assert embedded.status(place).running
    assert embedded.stop(place)
    until(lambda: not list((place / "users").iterdir()))


def test_a_grace_period_ends(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASYNQ_EMBEDDED_GRACE", "0.3")
    embedded.attach(place).release()
    assert embedded.status(place).running
    until(lambda: not embedded.status(place).running)
