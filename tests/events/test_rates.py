"""How much was done, second by second."""

import pytest

from asynq.events.rates import KEPT, Rates


def ran(rates, at, *runtimes):
    for seconds in runtimes:
        rates.second(at).ran(seconds)


def test_each_second_has_its_own_count():
    rates = Rates()
    ran(rates, 1000.2, 0.1)
    ran(rates, 1000.9, 0.3)
    ran(rates, 1002.0, 0.5)
    rates.second(1001.0).failed += 1
    series = rates.series(4, 1002.9)
    assert [(each.at, each.succeeded, each.failed) for each in series] == [
        (999, 0, 0),
        (1000, 2, 0),
        (1001, 0, 1),
        (1002, 1, 0),
    ]
    assert series[1].longest == 0.3
    assert series[1].runtime == pytest.approx(0.4)


def test_a_summary_says_how_many_and_how_long():
    rates = Rates()
    ran(rates, 1000, *(number / 1000 for number in range(1, 101)))
    rates.second(1001).failed += 4
    rates.second(1001).received += 104
    told = rates.summary(10, 1005)
    assert (told.succeeded, told.failed, told.received, told.seconds) == (100, 4, 104, 10)
    assert told.per_second == 10.4
    assert told.mean == pytest.approx(0.0505)
    assert told.median == pytest.approx(0.05, rel=0.1)
    assert told.p95 == pytest.approx(0.095, rel=0.1)
    assert told.longest == 0.1


def test_where_nothing_was_done_there_is_no_runtime():
    told = Rates().summary(60, 1000)
    assert (told.per_second, told.mean, told.median, told.p95, told.longest) == (0, *[None] * 4)


def test_seconds_of_long_ago_are_forgotten_and_not_taken():
    rates = Rates()
    for at in range(KEPT + 50):
        rates.second(at).received += 1
    assert rates.second(10) is None
    assert rates.second(60) is not None
    assert sum(each.received for each in rates.series(2 * KEPT, KEPT + 49)) == KEPT
