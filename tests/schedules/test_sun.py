"""`solar`: by the sun, at a place."""

import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from asynq.exceptions import ImproperlyConfigured
from asynq.schedules import solar
from asynq.schedules.sun import EVENTS

JUNE = datetime(2026, 6, 21, tzinfo=UTC)
BERLIN = (52.52, 13.405)


def following(what, moment, count):
    found = []
    for _ in range(count):
        moment = what.next_after(moment, JUNE)
        found.append(moment)
    return found


@pytest.mark.parametrize(
    ("event", "expected"),
    [("sunrise", "02:43"), ("solar_noon", "11:08"), ("sunset", "19:33"), ("dusk_civil", "20:24")],
)
def test_an_event_is_where_an_almanac_has_it(event, expected):
    hours, minutes = map(int, expected.split(":"))
    at = solar(event, *BERLIN).next_after(JUNE, JUNE)
    assert abs(at - JUNE.replace(hour=hours, minute=minutes)) < timedelta(minutes=3)


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_comes_once_a_day(event):
    slots = following(solar(event, 20.0, -150.0), JUNE, 40)
    gaps = [later - earlier for earlier, later in pairwise(slots)]
    assert all(abs(gap - timedelta(days=1)) < timedelta(minutes=5) for gap in gaps)


def test_a_place_where_the_sun_does_not_set_waits_for_the_day_it_does():
    at = solar("sunset", 69.65, 18.96).next_after(JUNE, JUNE)
    assert datetime(2026, 7, 20, tzinfo=UTC) < at < datetime(2026, 8, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("noon", 1, 1), ValueError, "expected one of dawn_astronomical"),
        (("sunset", 91, 1), ValueError, "lat: expected -90 to 90"),
        (("sunset", 1, 181), ValueError, "lon: expected -180 to 180"),
        (("sunset", "1", 1), TypeError, "lat: expected degrees"),
    ],
)
def test_what_is_wrong_is_said(arguments, error, says):
    with pytest.raises(error, match=says):
        solar(*arguments)
    with pytest.raises(TypeError, match="no argument app"):
        solar("sunset", 1, 1, app=None)


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "astral", None)
    with pytest.raises(ImproperlyConfigured, match=r"asynq-tasks\[solar\]"):
        solar("sunset", 1, 1)


def test_two_that_mean_the_same_are_equal():
    assert solar("sunset", 1, 2) == solar("sunset", 1.0, 2.0) != solar("sunrise", 1, 2)
    assert len({solar("sunset", 1, 2), solar("sunset", 1, 2)}) == 1
    assert repr(solar("sunset", 1.5, -2)) == "<solar: sunset at 1.5, -2>"
    assert solar("sunset", 1, 1) != "sunset"
