"""`schedule`: every so often."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asynq.schedules import BaseSchedule, schedule

ANCHOR = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@given(
    st.timedeltas(timedelta(milliseconds=10), timedelta(days=40)),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),
)
def test_its_slots_are_the_anchor_and_its_multiples(every, moment):
    moment = moment.replace(tzinfo=UTC)
    what = schedule(every)
    slot = what.next_after(moment, ANCHOR)
    assert (slot - ANCHOR) % what.run_every == timedelta(0)
    assert slot - what.run_every <= moment < slot


@given(
    st.integers(1, 20_000),
    st.integers(0, 100_000),
    st.integers(0, 100_000),
    st.integers(1, 50),
)
def test_those_between_are_those_that_follow_each_other(every, after, length, most):
    what, since = schedule(every), ANCHOR + timedelta(seconds=after)
    until = since + timedelta(seconds=length)
    assert what.between(since, until, ANCHOR, most=most) == BaseSchedule.between(
        what, since, until, ANCHOR, most=most
    )


def test_a_relative_one_is_on_the_hour_of_its_zone():
    zone = ZoneInfo("Asia/Kathmandu")
    moment = datetime(2026, 1, 1, 12, 10, tzinfo=zone)
    slot = schedule(3600, relative=True).next_after(moment, ANCHOR)
    assert slot.astimezone(zone) == datetime(2026, 1, 1, 13, tzinfo=zone)


@pytest.mark.parametrize(
    ("every", "error"),
    [
        (0, ValueError),
        (-5, ValueError),
        (0.001, ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        (timedelta(seconds=-1), ValueError),
        (None, TypeError),
        ("10", TypeError),
        (True, TypeError),
    ],
)
def test_an_interval_is_a_time_above_zero(every, error):
    with pytest.raises(error, match=r"schedule: run_every: expected .* got"):
        schedule(every)


def test_it_takes_a_zone_and_nothing_else():
    assert schedule(5, tz="Asia/Tokyo").tz == ZoneInfo("Asia/Tokyo")
    with pytest.raises(TypeError, match="no argument nowfun"):
        schedule(5, nowfun=datetime.now)


@pytest.mark.parametrize(
    ("every", "text"),
    [
        (30, "every 30 s"),
        (0.5, "every 0.5 s"),
        (300, "every 5 min"),
        (90, "every 90 s"),
        (7200, "every 2 h"),
        (timedelta(days=2), "every 2 d"),
    ],
)
def test_it_says_how_often(every, text):
    assert str(schedule(every)) == text
    assert repr(schedule(every, relative=True)) == f"<freq: {text} by the clock>"


def test_two_that_mean_the_same_are_equal():
    assert schedule(60) == schedule(timedelta(minutes=1)) != schedule(60, relative=True)
    assert len({schedule(60), schedule(60.0)}) == 1
    assert schedule(60) != 60
