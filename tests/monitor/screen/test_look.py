"""How things are written, and how time is cut into columns."""

import logging
import sys

import pytest
from rich.cells import cell_len

from asynq.monitor.screen.graph import stretch, times
from asynq.monitor.screen.look import fit, rate, short_id, span
from asynq.monitor.screen.running import logs_held


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("add", 5, "add  "),
        ("proj.tasks.add", 8, "proj.ta…"),
        ("任务任务", 5, "任务…"),
        ("任务", 6, "任务  "),
        ("a\x1b[2J", 8, "a\\u001b…"),
        ("", 3, "   "),
        ("add", 0, ""),
    ],
)
def test_a_text_fits_its_cells(text, width, shown):
    assert fit(text, width) == shown
    assert cell_len(shown) == width


def test_numbers_stand_at_the_right_and_names_keep_their_end():
    assert fit("19 µs", 7, right=True) == "  19 µs"
    assert fit("proj.tasks.add", 8, end=True) == "…sks.add"
    assert short_id("019acd52-aa60-7c31-9d5e-6f1b2c3d4e5f", 13) == "…6f1b2c3d4e5f"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""), (0.0, "0 µs"), (0.000_019, "19 µs"), (0.000_999_9, "1.00 ms"),
        (0.0342, "34.2 ms"), (0.9999, "1.00 s"), (12.34, "12.3 s"), (119.6, "120 s"),
        (180.0, "3 min"), (7200.0, "2 h"), (200_000.0, "2 d"),
    ],
)  # fmt: skip
def test_a_length_of_time_has_a_unit_that_suits_it(seconds, shown):
    assert span(seconds) == shown


def test_a_rate_is_told_as_exactly_as_it_matters():
    assert [rate(0.0), rate(0.44), rate(12.4), rate(1234.0)] == ["0", "0.4", "12", "1,234"]


@pytest.mark.parametrize("columns", [1, 5, 36, 58, 76, 300, 1000])
def test_columns_of_a_graph_stay_where_they_are_and_end_now(columns):
    now = 1_000_000.7
    spans = times(columns, now)
    assert len(spans) == columns
    assert [begin % stretch(columns) for begin, _ in spans] == [0] * columns
    assert {length for _, length in spans[:-1]} <= {stretch(columns)}
    assert sum(spans[-1]) == int(now)  # the second that goes on is not counted yet
    if columns >= 5:
        assert columns * stretch(columns) >= 300
    later = times(columns, now + 1)
    assert set(spans[1:-1]) <= set(later)


def test_logs_are_held_while_the_screen_is_shown(monkeypatch, capsys):
    handler = logging.StreamHandler(sys.stderr)
    other = logging.getLogger("tests.screen")
    other.addHandler(handler)
    monkeypatch.setattr(other, "propagate", False)
    try:
        with logs_held():
            other.warning("the %s is away", "server")
            assert capsys.readouterr().err == ""
        assert capsys.readouterr().err == "the server is away\n"
        other.warning("here again")
        assert capsys.readouterr().err == "here again\n"
    finally:
        other.removeHandler(handler)
