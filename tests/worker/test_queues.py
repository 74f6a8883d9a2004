"""Queues by name, and those that are left out."""

import pytest

from asynq.exceptions import ImproperlyConfigured
from asynq.worker.queues import left_over, names_in


@pytest.mark.parametrize(
    ("said", "names"),
    [("a", ["a"]), (" a , b,,", ["a", "b"]), (["a", " b "], ["a", "b"]), ("", []), ((), [])],
)
def test_names_come_in_one_string_or_in_many(said, names):
    assert names_in(said) == names


def test_what_is_left_out_is_not_among_the_rest():
    assert left_over(["a", "b", "c"], ["b"]) == ["a", "c"]
    assert left_over(["a"], []) == ["a"]
    assert left_over([], []) == []


def test_one_that_is_not_there_is_a_mistake():
    with pytest.raises(ImproperlyConfigured, match=r"queue 'x' can't be left out: .* a, b"):
        left_over(["a", "b"], ["a", "x"])


def test_leaving_all_out_is_a_mistake():
    with pytest.raises(ImproperlyConfigured, match="no queue is left"):
        left_over(["a"], ["a"])
