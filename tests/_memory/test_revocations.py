from __future__ import annotations

from threading import RLock

import pytest

from asynq import _time
from asynq._memory.revocations import Revocations


def test_each_is_remembered_for_its_time_and_then_takes_no_room(monkeypatch: pytest.MonkeyPatch):
    now = 100.0
    monkeypatch.setattr(_time, "monotonic", lambda: now)
    revocations = Revocations(RLock())
    assert revocations.among(["a"]) == {}
    revocations.add(["a", "b"], terminate=True, ttl=10)
    revocations.add(["b"], terminate=False, ttl=20)
    assert revocations.among(["a", "b", "c"]) == {"a": True, "b": True}
    now = 115.0
    assert revocations.among(["a", "b"]) == {"b": False}
    revocations.add(["c"], terminate=False, ttl=10)
    assert set(revocations._until) == {"b", "c"}
    assert not revocations._until_terminated


def test_a_space_that_is_cleared_forgets_them():
    revocations = Revocations(RLock())
    revocations.add(["a"], terminate=True, ttl=10)
    revocations.clear()
    assert revocations.among(["a"]) == {}
