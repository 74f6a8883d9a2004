"""What all schedules have in common, and one's own."""

from datetime import UTC, datetime, timedelta

import pytest

from asynq.schedules import BaseSchedule, crontab, schedstate, schedule
from asynq.schedules.base import clock

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Asked(schedule):
    def is_due(self, last_run_at):
        return schedstate(False, 5.0)


class Slots(BaseSchedule):
    def next_after(self, moment, anchor):
        return moment + timedelta(minutes=3)


class Both(BaseSchedule):
    def next_after(self, moment, anchor):
        return moment

    def is_due(self, last_run_at):
        return super().is_due(last_run_at)


@pytest.mark.parametrize(
    ("what", "polled"),
    [(schedule(5), False), (crontab(), False), (Asked(5), True), (Slots(), False), (Both(), False)],
)
def test_one_that_only_says_whether_it_is_due_has_no_slots(what, polled):
    assert what.is_polled is polled


@pytest.mark.parametrize(
    ("what", "last", "answer"),
    [
        (schedule(60), NOON - timedelta(seconds=20), (False, 40.0)),
        (schedule(60), NOON - timedelta(seconds=60), (True, 60.0)),
        (schedule(60), NOON - timedelta(seconds=90), (True, 30.0)),
        (crontab(0, 13), NOON - timedelta(days=1), (True, 3600.0)),
        (crontab(0, 13), NOON - timedelta(minutes=1), (False, 3600.0)),
    ],
)
def test_is_due_answers_as_celerys_does(what, last, answer):
    with clock(NOON.timestamp):
        assert what.is_due(last) == answer


def test_an_estimate_tells_how_long_it_is():
    with clock(NOON.timestamp):
        assert schedule(60).remaining_estimate(NOON - timedelta(seconds=20)).total_seconds() == 40
        assert schedule(60).remaining_estimate(NOON - timedelta(seconds=90)).total_seconds() == -30


def test_now_is_the_clock_of_who_asks():
    with clock(NOON.timestamp):
        assert schedule(5).now() == NOON
    assert abs(schedule(5).now() - datetime.now(UTC)) < timedelta(seconds=10)


def test_one_that_never_comes_again_is_asked_again_tomorrow():
    class Never(BaseSchedule):
        def next_after(self, moment, anchor):
            return None

    assert Never().is_due(NOON) == (False, 86400.0)
    assert Never().between(NOON, NOON + timedelta(days=3), NOON, most=5) == []


def test_the_last_slots_of_a_long_time_are_found_without_counting_all():
    since = NOON - timedelta(days=365)
    found = crontab().between(since, NOON, NOON, most=100)
    assert found == [NOON - timedelta(minutes=number) for number in reversed(range(100))]
    assert crontab(0, 13, tz="UTC").between(since, NOON, NOON, most=2) == [
        NOON - timedelta(hours=47),
        NOON - timedelta(hours=23),
    ]


def test_one_of_ones_own_says_what_it_needs():
    with pytest.raises(NotImplementedError, match="next_after"):
        BaseSchedule().next_after(NOON, NOON)
