"""What becomes of slots that were missed."""

from datetime import UTC, datetime, timedelta

import pytest

from asynq.schedules import crontab, schedule, solar
from asynq.schedules.due import due

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ask(what, since, now=NOON, **options):
    return due(what, since=since, now=now, anchor=NOON - 100 * HOUR, **options)


def test_nothing_is_due_before_the_slot():
    asked = ask(schedule(3600), NOON - 0.5 * HOUR, NOON - 0.25 * HOUR, misfire="all")
    assert (asked.slots, asked.missed, asked.next) == ([], 0, NOON)


@pytest.mark.parametrize("misfire", ["skip", "latest", "all"])
def test_a_slot_that_has_just_come_is_due(misfire):
    asked = ask(schedule(3600), NOON - HOUR, misfire=misfire)
    assert (asked.slots, asked.missed, asked.next) == ([NOON], 0, NOON + HOUR)


@pytest.mark.parametrize(
    ("misfire", "slots", "missed"),
    [
        ("skip", [], 3),
        ("latest", [NOON], 2),
        ("all", [NOON - 2 * HOUR, NOON - HOUR, NOON], 0),
    ],
)
def test_after_three_hours_away(misfire, slots, missed):
    now = NOON + timedelta(minutes=30)
    asked = ask(schedule(3600), NOON - 3 * HOUR, now, misfire=misfire)
    assert (asked.slots, asked.missed, asked.next) == (slots, missed, NOON + HOUR)


@pytest.mark.parametrize(
    ("late", "misfire", "grace", "fired"),
    [
        (0.9, "latest", None, True),
        (1.1, "latest", None, False),
        (10, "latest", 12 * 3600.0, True),
        (13, "latest", 12 * 3600.0, False),
        (10, "all", None, True),
        (10, "all", 3600.0, False),
        (5 / 3600, "skip", None, True),
        (11 / 3600, "skip", None, False),
    ],
)
def test_a_daily_slot_that_is_late_by_hours(late, misfire, grace, fired):
    nightly = crontab(0, 12, tz="UTC")
    now = NOON + late * HOUR
    asked = ask(nightly, NOON - 5 * HOUR, now, misfire=misfire, grace=grace)
    assert asked.slots == ([NOON] if fired else [])
    assert asked.missed == (0 if fired else 1)


def test_at_most_a_hundred_are_made_up_for_the_last_ones():
    asked = ask(schedule(1), NOON - 10 * HOUR, misfire="all")
    assert len(asked.slots) == 100
    assert asked.slots[0] == NOON - timedelta(seconds=99)


def test_a_sunset_that_is_told_a_second_later_is_not_another():
    sunset = solar("sunset", 52.5, 13.4)
    at = sunset.next_after(NOON, NOON)
    right = sunset._event_on
    sunset._event_on = lambda **day: right(**day) + timedelta(seconds=1)
    asked = ask(sunset, at, at + timedelta(seconds=5), misfire="all")
    assert asked.slots == []
    assert asked.next - at > timedelta(hours=20)


def test_a_clock_that_was_put_back_brings_no_slot_again():
    asked = ask(schedule(3600), NOON, NOON - 10 * HOUR, misfire="all")
    assert (asked.slots, asked.next) == ([], NOON + HOUR)
