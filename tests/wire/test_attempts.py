"""The history of a task stays short, however often it is retried."""

from asynq.wire.attempts import KEPT, Attempt, remember


def attempt(number):
    return Attempt(started=float(number), seconds=1.0, worker="w", state="RETRY", error="E: no")


def test_attempts_are_remembered_in_their_order():
    attempts = ()
    for number in range(3):
        attempts = remember(attempts, attempt(number))
    assert [each.started for each in attempts] == [0, 1, 2]


def test_of_many_the_first_and_the_last_are_kept():
    attempts = ()
    for number in range(100):
        attempts = remember(attempts, attempt(number))
    assert len(attempts) == KEPT
    assert [each.started for each in attempts] == [0, *range(101 - KEPT, 100)]
