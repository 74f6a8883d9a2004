"""`crontab`, held to a count of every minute, and to Celery's rules."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asynq.schedules import crontab
from tests.schedules import brute

CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 29)),
    ("Europe/Berlin", datetime(2026, 10, 25)),
    ("America/New_York", datetime(2026, 3, 8)),
    ("America/New_York", datetime(2026, 11, 1)),
    ("Australia/Lord_Howe", datetime(2026, 4, 5)),
    ("Australia/Lord_Howe", datetime(2026, 10, 4)),
    ("Africa/Cairo", datetime(2026, 4, 24)),  # forward at midnight
    ("Africa/Cairo", datetime(2026, 10, 30)),  # back over midnight
    ("Pacific/Apia", datetime(2011, 12, 30)),  # a day that there was not
    ("Asia/Kathmandu", datetime(2026, 6, 1)),  # nothing changes, at 5:45
    ("UTC", datetime(2028, 2, 29)),
]
"""Zones, and days on which something happens to their clocks."""


def field(low, high):
    numbers = st.integers(low, high)
    ranges = st.tuples(numbers, numbers).map(lambda ends: f"{ends[0]}-{ends[1]}")
    steps = st.tuples(st.sampled_from(["*", f"{low}-{high}"]), st.integers(1, high)).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    parts = st.lists(numbers.map(str) | ranges | steps, min_size=1, max_size=3).map(",".join)
    return st.just("*") | parts | numbers | st.lists(numbers, min_size=1, max_size=4)


CRONTABS = st.builds(
    crontab,
    field(0, 59),
    st.just("*") | field(0, 23) | st.sampled_from([0, 1, 2, 3, 23, "1-3", "0,2"]),
    st.just("*") | field(0, 6),
    st.just("*") | field(1, 28),
)


@settings(deadline=None, max_examples=150)
@given(cron=CRONTABS, change=st.sampled_from(CHANGES), hours=st.integers(-30, 20))
def test_its_slots_are_those_of_a_count_of_every_minute(cron, change, hours):
    name, day = change
    zone = ZoneInfo(name)
    begin = day.replace(tzinfo=UTC) + timedelta(hours=hours)
    end = begin + timedelta(hours=50)
    assert brute.walk(cron, begin, end, zone) == brute.slots(cron, begin, end, zone)


@settings(deadline=None, max_examples=40)
@given(
    cron=st.builds(
        crontab, st.just(0), st.just(12), field(0, 6), field(1, 28), field(1, 12)
    ).filter(lambda cron: len(cron.day_of_week) > 2),
    day=st.integers(0, 3000),
)
def test_its_days_are_those_of_a_calendar(cron, day):
    at = datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)
    expected = at + timedelta(days=1)
    while not brute.fits(cron, expected.replace(tzinfo=None)):
        expected += timedelta(days=1)
    assert cron.next_after(at, at) == expected


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("*", range(60)),
        ("*/15", [0, 15, 30, 45]),
        ("1-5/2", [1, 3, 5]),
        ("5", [5]),
        (5, [5]),
        ("0,30-32", [0, 30, 31, 32]),
        ("58-1", [58, 59, 0, 1]),
        ([1, "10-12"], [1, 10, 11, 12]),
        ({7, 8}, [7, 8]),
        (iter([3, 4]), [3, 4]),
    ],
)
def test_a_field_may_be_written_as_in_celery(written, read):
    assert crontab(minute=written).minute == set(read)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("mon-fri", {1, 2, 3, 4, 5}),
        ("sunday", {0}),
        ("Sat,Sun", {6, 0}),
        ("fri-mon", {5, 6, 0, 1}),
        ("*/2", {0, 2, 4, 6}),
    ],
)
def test_days_of_the_week_have_names_and_sunday_is_0(written, read):
    assert crontab(day_of_week=written).day_of_week == read


def test_months_have_names():
    assert crontab(month_of_year="jan-mar,dec").month_of_year == {1, 2, 3, 12}


def test_a_day_has_to_fit_both_its_number_and_its_name():
    thirteenth = crontab(0, 0, "fri", 13, tz="UTC")
    first = thirteenth.next_after(datetime(2026, 1, 1, tzinfo=UTC), datetime.min)
    assert first == datetime(2026, 2, 13, tzinfo=UTC)


def test_the_order_of_its_arguments_is_celerys():
    assert crontab(1, 2, 3, 4, 5) == crontab(
        minute=1, hour=2, day_of_week=3, day_of_month=4, month_of_year=5
    )


def test_a_line_has_the_order_of_crontab_files():
    assert crontab.from_string("0 9 4 5 1") == crontab(0, 9, 1, 4, 5)
    assert str(crontab(0, 9, 1, 4, 5)) == "0 9 4 5 1"
    assert crontab.from_string("0 9 * * 1", tz="Europe/Berlin").tz == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"minute": 60}, ValueError, "minute: 60 is out of range, expected 0 to 59"),
        ({"hour": -1}, ValueError, "hour: -1 is out of range"),
        ({"day_of_week": 7}, ValueError, "Sunday is 0"),
        ({"day_of_week": "0-7"}, ValueError, "Sunday is 0"),
        ({"day_of_month": 0}, ValueError, "expected 1 to 31"),
        ({"minute": "soon"}, ValueError, "'soon' in 'soon' can't be read"),
        ({"minute": "mon"}, ValueError, "can't be read"),
        ({"minute": "*/0"}, ValueError, r"'\*/0' in"),
        ({"minute": "5/10"}, ValueError, "steps"),
        ({"minute": ""}, ValueError, "can't be read"),
        ({"minute": "1,,2"}, ValueError, "can't be read"),
        ({"minute": []}, ValueError, "at least one"),
        ({"minute": None}, TypeError, "expected a number"),
        ({"minute": True}, TypeError, "expected a number"),
        ({"minute": [1.5]}, TypeError, "expected a number"),
        ({"day_of_month": 31, "month_of_year": "2,4,6"}, ValueError, "no year has such a day"),
        ({"tz": "Mars/Olympus"}, ValueError, "no time zone 'Mars/Olympus'"),
        ({"tz": 3}, TypeError, "expected a time zone's name"),
        ({"nowfun": datetime.now}, TypeError, "tz="),
    ],
)
def test_what_is_wrong_is_said(fields, error, says):
    with pytest.raises(error, match=says):
        crontab(**fields)


@pytest.mark.parametrize("line", ["* * * *", "* * * * * *", "", "@daily"])
def test_a_line_has_five_fields(line):
    with pytest.raises(ValueError, match="expected five fields"):
        crontab.from_string(line)


def test_two_that_mean_the_same_are_equal():
    assert crontab("*/30") == crontab("0,30") != crontab("*/30", tz="UTC")
    assert len({crontab("*/30"), crontab([0, 30])}) == 1
    assert crontab() != "* * * * *"
    assert repr(crontab(0, 9, tz="Asia/Tokyo")) == "<crontab: 0 9 * * * (m/h/dM/MY/d) Asia/Tokyo>"
