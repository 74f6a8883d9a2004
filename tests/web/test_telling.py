"""Numbers, times and charts as people read them."""

import pytest

from asynq.events.rates import Rates
from asynq.web import charts
from asynq.web.telling import ago, clock, duration, number, rate, short, until


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, ""), (0, "0 µs"), (0.00085, "850 µs"), (0.0012, "1.2 ms"), (0.25, "250 ms"),
     (3.42, "3.4 s"), (59, "59 s"), (150, "2 min"), (9000, "2 h"), (200_000, "2 d")],
)  # fmt: skip
def test_a_duration_is_told_roughly(seconds, told):
    assert duration(seconds) == told


def test_numbers_and_rates():
    assert number(1234567) == "1,234,567"
    assert [*map(rate, (None, 0.04, 1234.5))] == ["", "0.0", "1,234"]


def test_how_long_ago_something_is():
    assert ">now<" in ago(1000.0, 1000.4)
    assert ">12 s ago<" in ago(1000.0, 1012.9)
    assert 'datetime="1970-01-01T00:16:40+00:00"' in ago(1000.0, 1001.0)
    assert ">in 12 s<" in until(1012.9, 1000.0)
    assert (until(None, 1.0), until(1e300, 1.0)) == ("", "")
    assert (ago(None, 1.0), ago(1e300, 1.0), clock(1e300)) == ("", "", "")
    assert clock(1000.5) == "00:16:40.500"
    assert short("019ad0aa-1234") == "019ad0aa-1234"
    assert short("019ad0aa-1234-5678-90ab") == "…678-90ab"


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (1.2, 2), (94, 100), (230, 500)])
def test_an_axis_ends_at_a_round_number(value, top):
    assert charts.nice(value) == top


def test_steps_begin_at_round_times_and_add_up():
    rates = Rates()
    for at in range(1000, 1300):
        second = rates.second(at)
        second.ran(0.1)
        second.failed += at % 2
    found = charts.steps(rates, 300, 1299.5)
    assert len(found) == charts.BARS
    assert all(step.at % 5 == 0 for step in found)
    assert sum(step.seconds for step in found) == sum(step.succeeded for step in found)
    assert found[-1].at + found[-1].seconds == 1299
    assert found == charts.steps(rates, 300, 1299.9)


def test_a_chart_has_a_bar_for_each_kind_and_says_what_it_shows():
    rates = Rates()
    rates.second(1200).ran(0.25)
    rates.second(1200).failed += 4
    steps = charts.steps(rates, 300, 1202)
    drawn = charts.throughput(steps)
    assert (drawn.count("f-good"), drawn.count("f-bad"), drawn.count("f-warn")) == (1, 1, 0)
    assert "00:20:00 UTC: 0.5/s succeeded, 4 failed" in drawn
    line = charts.runtimes(steps)
    assert line.count("<polyline") == 2
    assert "NaN" not in charts.runtimes(charts.steps(Rates(), 300, 1202))
