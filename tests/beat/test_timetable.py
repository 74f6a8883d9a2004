"""Which entries a beat fires, and when."""

import logging
from datetime import UTC, timedelta

import pytest

from asynq.beat.timetable import Timetable
from asynq.brokers.schedules import ADDED, Declared, Entry
from asynq.schedules import BaseSchedule, crontab, schedstate, schedule
from asynq.schedules.entries import periodic

START = 1_800_000_000_000
"""The time when entries were first seen: a full minute."""
RULE = Declared("rule", b"definition")


def entry(name="a", **fields):
    known = {
        "name": name,
        "owner": "shop",
        "rule": RULE.rule,
        "definition": RULE.definition,
        "revision": 1,
        "paused": False,
        "anchor": START,
        "last": START,
        "fired": None,
        "count": 0,
        "id": "",
    }
    return Entry(**(known | fields))


def taken_up(*entries, when=1, revive=None, table=None, **fields):
    table = table or Timetable(UTC)
    own = {
        each.name: (periodic(each.name, task="t", schedule=when, **fields), None, RULE)
        for each in entries
    }
    table.take_up(entries, own, revive or (lambda entry: None))
    return table


def test_slots_are_found_as_time_goes_on():
    table = taken_up(entry(), when=10)
    assert table.due(START + 9_999) == []
    assert table.next() == START + 10_000
    [row] = table.due(START + 10_000)
    assert (row.slots, row.last) == ([START + 10_000], START)
    assert table.next() == START + 10_000
    row.done(START + 10_000)
    assert table.due(START + 10_001) == []
    assert table.next() == START + 20_000


def test_slots_are_late_rather_than_twice():
    table = taken_up(entry(), when=10, misfire="all")
    [row] = table.due(START + 35_000)
    assert row.slots == [START + 10_000, START + 20_000, START + 30_000]
    row.done(START + 20_000)
    assert row.slots == [START + 30_000]
    [row] = table.due(START + 41_000)
    assert row.slots == [START + 30_000, START + 40_000]


def test_what_another_beat_has_fired_is_done_with():
    table = taken_up(entry(), when=10)
    [row] = table.due(START + 10_500)
    row.done(START + 20_000)
    assert table.due(START + 20_001) == []
    assert table.next() == START + 30_000


def test_a_slot_that_is_given_up_does_not_come_back():
    table = taken_up(entry(), when=10)
    [row] = table.due(START + 10_000)
    row.give_up(START + 10_000)
    assert table.due(START + 10_500) == []
    assert row.last == START  # what the server says is still what it was
    [row] = table.due(START + 20_000)
    assert (row.slots, row.last) == ([START + 20_000], START)


def test_missed_slots_are_told_when_the_last_one_is_fired(caplog):
    table = taken_up(entry(), when=10)
    with caplog.at_level(logging.WARNING, "asynq.beat"):
        [row] = table.due(START + 35_000)
        assert caplog.text == ""  # another beat may have fired them
        row.tell_missed()
        row.tell_missed()
    assert caplog.text.count("'a': slots that were missed, and are left out") == 1
    assert caplog.text.endswith("(misfire: latest): 2\n")


def test_missed_slots_are_told_where_none_is_fired(caplog):
    table = taken_up(entry(), when=10, misfire="skip", grace=1)
    assert table.due(START + 35_000) == []
    assert caplog.text.endswith("(misfire: skip): 3\n")


def test_a_paused_entry_is_left_out():
    assert taken_up(entry(paused=True)).rows == {}


def test_an_entry_of_other_code_is_left_to_that():
    table = Timetable(UTC)
    mine = {"a": (periodic("a", task="t", schedule=1), None, Declared("rule", b"newer"))}
    table.take_up([entry("a"), entry("b")], mine, lambda entry: None)
    assert table.rows == {}


def test_an_entry_that_was_added_is_made_of_what_the_server_has():
    made = periodic("a", task="t", schedule=5), "canvas"
    added = entry("a", owner=ADDED)
    table = taken_up(added, revive=lambda entry: made if entry is added else None)
    assert (table.rows["a"].periodic, table.rows["a"].canvas) == made


def test_an_entry_that_can_not_be_made_is_left_out():
    assert taken_up(entry("a", owner=ADDED)).rows == {}


def test_an_entry_that_was_not_changed_goes_on_as_it_was():
    table = taken_up(entry(), when=10)
    [before] = table.due(START + 10_000)
    taken_up(entry(), table=table, when=10)
    assert table.rows["a"] is before
    assert before.slots == [START + 10_000]
    taken_up(entry(last=START + 10_000, count=1), table=table, when=10)
    assert table.rows["a"] is before
    assert before.slots == []
    taken_up(entry(revision=2), table=table, when=10)
    assert table.rows["a"] is not before


def test_an_entry_that_is_gone_is_gone():
    table = taken_up(entry("a"), entry("b"))
    taken_up(entry("b"), table=table)
    assert [*table.rows] == ["b"]


def test_nothing_is_due_where_nothing_is():
    assert (Timetable(None).due(START), Timetable(None).next()) == ([], None)


@pytest.mark.parametrize(("grace", "slots"), [(None, 0), (7200.0, 1)])
def test_crontabs_have_a_deadline_of_their_own(grace, slots):
    day = START - START % 86_400_000
    table = taken_up(entry(last=day, anchor=day), when=crontab(0, 1), table=Timetable(UTC, grace))
    assert len(table.due(day + 150 * 60_000)) == slots  # half past two


def test_an_entrys_own_grace_stands_over_that_deadline():
    day = START - START % 86_400_000
    table = taken_up(
        entry(last=day, anchor=day), when=crontab(0, 1), grace=60, table=Timetable(UTC, 7200.0)
    )
    assert table.due(day + 150 * 60_000) == []


def test_a_zone_is_the_schedules_then_the_entrys_then_the_apps():
    day = START - START % 86_400_000
    noon = {
        "Asia/Tokyo": {"when": crontab(0, 12, tz="Asia/Tokyo"), "tz": "America/New_York"},
        "America/New_York": {"when": crontab(0, 12), "tz": "America/New_York"},
        "UTC": {"when": crontab(0, 12)},
    }
    hours = {"Asia/Tokyo": 3, "America/New_York": 17, "UTC": 12}
    for zone, how in noon.items():
        table = taken_up(entry(last=day, anchor=day), **how)
        table.due(day)
        assert table.next() == day + hours[zone] * 3_600_000, zone


def test_what_waits_to_be_fired_has_waited_since_its_first_slot():
    table = taken_up(entry(), when=1)
    [row] = table.due(START + 1_000)
    assert row.waiting_since == table.next() == START + 1_000
    table.due(START + 2_100)
    assert (row.slots, row.waiting_since) == ([START + 2_000], START + 1_000)
    row.done(START + 2_000)
    assert table.due(START + 2_200) == []
    table.due(START + 3_000)
    assert row.waiting_since == START + 3_000


def test_a_slot_with_parts_of_a_millisecond_is_not_found_again():
    class Fine(BaseSchedule):
        def next_after(self, moment, anchor):
            step = timedelta(seconds=1, microseconds=500)
            return anchor + ((moment - anchor) // step + 1) * step

    table = taken_up(entry(), when=Fine())
    [row] = table.due(START + 1_001)
    assert row.slots == [START + 1_001]
    row.done(START + 1_001)
    assert table.due(START + 1_001) == []
    assert table.next() == START + 2_001


class Asked(schedule):
    answers = ()

    def is_due(self, last_run_at):
        self.asked = (last_run_at, self.now())
        return self.answers.pop(0)


def test_a_schedule_without_slots_is_asked_again_and_again():
    when = Asked(60)
    when.answers = [schedstate(False, 5), (True, 7.5), (False, 0)]
    table = taken_up(entry(), when=when)
    assert table.due(START) == []
    assert when.asked[0].timestamp() * 1000 == when.asked[1].timestamp() * 1000 == START
    assert table.next() == START + 5_000
    [row] = table.due(START + 5_010)
    assert row.slots == [START + 5_010]
    row.done(START + 5_010)
    assert table.due(START + 5_020) == []
    assert table.next() == START + 5_020 + 50  # not at once, whatever it says


def test_of_what_has_no_slots_another_beats_firing_is_our_own():
    when = Asked(60)
    when.answers = [(True, 5), (False, 5)]
    table = taken_up(entry(), when=when)
    [row] = table.due(START + 1_000)
    row.done(START + 990)  # by another beat, a moment before
    assert table.due(START + 1_010) == []
    assert when.asked[0].timestamp() * 1000 == START + 990


def test_a_schedule_that_fails_does_not_stop_the_others(caplog):
    broken = Asked(60)  # it has no answers
    table = Timetable(UTC)
    own = {
        "a": (periodic("a", task="t", schedule=broken), None, RULE),
        "b": (periodic("b", task="t", schedule=1), None, RULE),
    }
    table.take_up([entry("a"), entry("b")], own, lambda entry: None)
    broken.answers = []
    assert [row.entry.name for row in table.due(START + 1_000)] == ["b"]
    assert "'a': its schedule has failed" in caplog.text
    assert table.rows["a"].next == START + 6_000
