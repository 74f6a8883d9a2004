from __future__ import annotations

from asynq._redis.backoff import Backoff


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
