"""The contract for days on which clocks are changed, as a table of what is fired when.

Times are those of the wall, with their distance from UTC.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from asynq.schedules import crontab, schedule

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"

DAY = timedelta(days=1)


def told(what, zone, since, until):
    zone = ZoneInfo(zone)
    at = anchor = datetime.fromisoformat(since).replace(tzinfo=zone)
    end = datetime.fromisoformat(until).replace(tzinfo=zone)
    found = []
    while (at := what.next_after(at, anchor).astimezone(zone)) < end:
        found.append(at.isoformat()[:16] + at.isoformat()[19:])
    return found


@pytest.mark.parametrize(
    ("zone", "fields", "since", "until", "expected"),
    [
        # Forward: 02:00 is 03:00. What does not exist is due at 03:00, once.
        (BERLIN, (30, 2), "2026-03-29", "2026-03-30", ["2026-03-29T03:00+02:00"]),
        (BERLIN, ("*/15", 2), "2026-03-29", "2026-03-30", ["2026-03-29T03:00+02:00"]),
        (
            BERLIN,
            (30, "1-3"),
            "2026-03-29",
            "2026-03-30",
            ["2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"],
        ),
        (BERLIN, (0, "2,3"), "2026-03-29", "2026-03-30", ["2026-03-29T03:00+02:00"]),
        (NEW_YORK, (30, 2), "2026-03-08", "2026-03-09", ["2026-03-08T03:00-04:00"]),
        (LORD_HOWE, (15, 2), "2026-10-04", "2026-10-05", ["2026-10-04T02:30+11:00"]),
        (LORD_HOWE, (45, 2), "2026-10-04", "2026-10-05", ["2026-10-04T02:45+11:00"]),
        # Back: 03:00 is 02:00. What comes twice is due at its first coming.
        (BERLIN, (30, 2), "2026-10-25", "2026-10-26", ["2026-10-25T02:30+02:00"]),
        (BERLIN, (0, 3), "2026-10-25", "2026-10-26", ["2026-10-25T03:00+01:00"]),
        (NEW_YORK, (30, 1), "2026-11-01", "2026-11-02", ["2026-11-01T01:30-04:00"]),
        (LORD_HOWE, (45, 1), "2026-04-05", "2026-04-06", ["2026-04-05T01:45+11:00"]),
        (LORD_HOWE, (15, 2), "2026-04-05", "2026-04-06", ["2026-04-05T02:15+10:30"]),
    ],
)
def test_a_time_of_the_wall_is_due_once_a_day(zone, fields, since, until, expected):
    assert told(crontab(*fields), zone, since, until) == expected


@pytest.mark.parametrize(
    ("zone", "minute", "since", "until", "expected"),
    [
        (
            BERLIN,
            30,
            "2026-03-29T00:00",
            "2026-03-29T05:00",
            ["00:30+01:00", "01:30+01:00", "03:30+02:00", "04:30+02:00"],
        ),
        (
            BERLIN,
            30,
            "2026-10-25T00:00",
            "2026-10-25T04:00",
            ["00:30+02:00", "01:30+02:00", "02:30+02:00", "02:30+01:00", "03:30+01:00"],
        ),
        (
            NEW_YORK,
            "*/30",
            "2026-11-01T00:45",
            "2026-11-01T02:15",
            ["01:00-04:00", "01:30-04:00", "01:00-05:00", "01:30-05:00", "02:00-05:00"],
        ),
        (
            LORD_HOWE,
            45,
            "2026-04-05T00:00",
            "2026-04-05T03:00",
            ["00:45+11:00", "01:45+11:00", "01:45+10:30", "02:45+10:30"],
        ),
        (
            LORD_HOWE,
            15,
            "2026-10-04T00:00",
            "2026-10-04T04:00",
            ["00:15+10:30", "01:15+10:30", "03:15+11:00"],
        ),
    ],
)
def test_a_crontab_of_every_hour_runs_in_real_time(zone, minute, since, until, expected):
    assert [slot[11:] for slot in told(crontab(minute), zone, since, until)] == expected


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, "2026-03-29", 23),
        (BERLIN, "2026-10-25", 25),
        (NEW_YORK, "2026-03-08", 23),
        (LORD_HOWE, "2026-10-04", 23.5),
        (LORD_HOWE, "2026-04-05", 24.5),
    ],
)
def test_an_interval_is_an_interval(zone, day, hours):
    following = (datetime.fromisoformat(day) + DAY).isoformat()
    slots = told(schedule(1800), zone, day, following)
    assert len(slots) == hours * 2 - 1


def test_a_leap_day_is_one_of_its_month():
    leap = told(crontab(0, 0, day_of_month=29, month_of_year=2), BERLIN, "2026-01-01", "2033-01-01")
    assert leap == ["2028-02-29T00:00+01:00", "2032-02-29T00:00+01:00"]
    last = told(crontab(0, 0, day_of_month="28-31"), BERLIN, "2028-02-28T12:00", "2028-03-02")
    assert last == ["2028-02-29T00:00+01:00"]


def test_a_leap_day_may_be_forty_years_away():
    monday = crontab(0, 0, "mon", 29, 2)
    assert told(monday, "UTC", "2072-03-01", "2113-01-01") == ["2112-02-29T00:00+00:00"]


def test_a_day_that_there_was_not_is_due_when_the_next_begins():
    assert told(crontab(0, 10, day_of_month=30), "Pacific/Apia", "2011-12-29", "2012-01-02") == [
        "2011-12-31T00:00+14:00"
    ]
