from __future__ import annotations

import pytest

from asynq._redis.backoff import Backoff, Gate


def test_waits_double_up_to_the_longest():
    backoff = Backoff(0.1, 0.8)
    waits = [max(_many(Backoff(0.1, 0.8), number)) for number in range(6)]
    ceilings = (0.1, 0.2, 0.4, 0.8, 0.8, 0.8)
    assert all(wait <= ceiling for wait, ceiling in zip(waits, ceilings, strict=True))
    assert waits[3] > waits[0]
    assert 0.01 <= backoff.next() <= 0.1


def test_after_a_success_it_begins_small_again():
    backoff = Backoff(0.1, 10.0)
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 0.1


def _many(first: Backoff, number: int) -> list[float]:
    found = []
    for _ in range(50):
        backoff = Backoff(0.1, 0.8)
        for _ in range(number):
            backoff.next()
        found.append(backoff.next())
    return found


def test_a_gate_stays_shut_for_a_while_that_grows(monkeypatch: pytest.MonkeyPatch):
    clock = [100.0]
    monkeypatch.setattr("asynq._redis.backoff.monotonic", lambda: clock[0])
    gate = Gate()
    gate.pass_through()
    shut_for = []
    for _ in range(6):
        gate.shut(OSError("full"), 1.0, 8.0)
        with pytest.raises(OSError, match="full"):
            gate.pass_through()
        shut_for.append(gate._until - clock[0])
    assert all(1.0 <= seconds <= 8.0 for seconds in shut_for)
    clock[0] += 8.0
    gate.pass_through()


def test_a_gate_that_was_passed_is_open_to_all():
    gate = Gate()
    gate.shut(OSError("full"), 5.0, 60.0)
    gate.open()
    gate.pass_through()
