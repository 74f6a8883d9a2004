"""What growth is measured by."""

import pytest

from benchmarks.growth import Mark


def test_what_a_task_costs_is_what_was_spent_between_two_marks():
    begin = Mark(at=10.0, ended=100, worker=1.0, server=2.0)
    end = Mark(at=10.5, ended=1_100, worker=1.03, server=2.01)
    spent = begin.until(end)
    assert spent["worker"] == pytest.approx(30)
    assert spent["server"] == pytest.approx(10)
    assert spent["both"] == pytest.approx(40)
    assert spent["wall"] == pytest.approx(500)


def test_marks_with_nothing_between_them_are_no_error():
    mark = Mark(at=10.0, ended=100, worker=1.0, server=2.0)
    assert mark.until(mark)["both"] == 0
