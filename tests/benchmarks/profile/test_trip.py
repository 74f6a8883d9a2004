"""When in a round trip what happens."""

from benchmarks.profile.trip import Seen, Trip, play, steps
from benchmarks.server import private_server

TRIPS = [Trip(10.0, 10.001), Trip(11.0, 11.0012), Trip(12.0, 12.001)]


def test_a_step_is_told_by_its_median_after_the_call():
    seen = [
        Seen(trip.began + late, "enqueue.lua", False)
        for trip, late in zip(TRIPS, (1e-4, 2e-4, 9e-4), strict=True)
    ]
    first, last = steps(TRIPS, seen)
    assert (first.name, round(first.microseconds), first.often) == ("enqueue.lua", 200, 1.0)
    assert (last.name, round(last.microseconds)) == ("the result is there", 1_000)


def test_the_same_command_again_is_a_step_of_its_own():
    late = ((1e-4, "get"), (3e-4, "get"), (5e-4, "set"))
    seen = [Seen(trip.began + at, name, False) for trip in TRIPS for at, name in late]
    assert [step.name for step in steps(TRIPS, seen)][:3] == ["get", "get", "set"]


def test_what_happens_between_trips_or_seldom_is_left_out():
    seen = [Seen(10.5, "beat.lua", False), Seen(11.0005, "reap.lua", False)]
    assert [step.name for step in steps(TRIPS, seen)] == ["the result is there"]


def test_a_real_trip_is_sent_and_settled():
    with private_server() as (url, _):
        found = steps(*play(url, 50))
    names = [step.name for step in found if not step.is_inside]
    assert names.index("enqueue.lua") < names.index("settle.lua")
    assert names.index("settle.lua") < names.index("the result is there")
    assert any(step.name == "xadd" and step.is_inside for step in found)
