"""What becomes of the values of a group."""

import pytest

from asynq import ChordError
from asynq.canvas.joining import chord_error, joined
from asynq.result.reading import Update

WHY = ValueError("h")
DONE = [Update(state="SUCCESS", result=value) for value in (1, None)]
FAILED = Update(state="FAILURE", result=WHY)
REVOKED = Update(state="REVOKED", result="nobody wanted it")
IDS = ["a", "b", "c"]


def test_values_are_in_order():
    assert joined(DONE, "fail", 0, IDS[:2]) == [1, None]
    assert joined([], "fail", 0, []) == []


@pytest.mark.parametrize("wrong", [FAILED, REVOKED])
def test_one_that_failed_is_the_failure_of_all(wrong):
    with pytest.raises(ChordError, match="Dependency b raised"):
        joined([DONE[0], wrong, FAILED], "fail", 0, IDS)


def test_errors_stand_among_the_values_or_are_left_out():
    assert joined([FAILED, *DONE], "collect", 0, IDS) == [WHY, 1, None]
    assert joined([FAILED, *DONE], "ignore", 0, IDS) == [1, None]
    assert joined([FAILED], "ignore", 0, ["a"]) == []


@pytest.mark.parametrize("errors", ["collect", "ignore"])
def test_so_many_must_have_succeeded(errors):
    assert len(joined([FAILED, *DONE], errors, 2, IDS)) in (2, 3)
    with pytest.raises(ChordError, match="2 of 3 succeeded, and 3 must; Dependency a") as raised:
        joined([FAILED, *DONE], errors, 3, IDS)
    assert raised.value.__cause__ is WHY


def test_so_many_must_be_there_at_all():
    with pytest.raises(ChordError, match=r"^2 of 2 succeeded, and 3 must$"):
        joined(DONE, "collect", 3, IDS[:2])


def test_a_chord_error_is_celerys():
    error = chord_error("a", FAILED)
    assert str(error) == "Dependency a raised ValueError('h')"
    assert error.__cause__ is WHY
    assert chord_error("a", REVOKED).__cause__ is None
