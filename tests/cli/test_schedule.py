"""`asynq schedule`: look at periodic tasks, and change them."""

import json
from datetime import datetime

import pytest


@pytest.fixture
def schedule(project):
    """`asynq -A shop schedule …`."""
    return lambda *words: project.run("-A", "shop", "schedule", *words)


def added(schedule, *words):
    ran = schedule("add", "sums", "shop.add", "-a", "[4, 4]", *words)
    assert ran.code == 0, ran.err
    return ran.out


def the_only(schedule):
    [known] = json.loads(schedule("list", "--json").out)
    return known


def test_there_are_none_at_first(schedule):
    assert schedule("list").out.startswith("No periodic tasks.")
    assert json.loads(schedule("list", "--json").out) == []


@pytest.mark.parametrize(
    ("when", "says"),
    [
        (("--cron", "0 9 * * mon-fri"), "0 9 * * mon-fri"),
        (("--every", "30"), "every 30 s"),
        (("--every", "3600", "--relative"), "every 1 h by the clock"),
        (("--solar", "sunset, 52.5, 13.4"), "sunset at 52.5, 13.4"),
    ],
)
def test_one_is_added_by_the_clock_by_an_interval_or_by_the_sun(schedule, when, says):
    assert added(schedule, *when) == f"Added sums: {says}.\n"
    assert the_only(schedule)["schedule"] == says


def test_a_list_tells_when_each_is_due_here_and_in_utc(schedule):
    added(schedule, "--cron", "0 9 * * *", "--tz", "Asia/Tokyo", "--misfire", "all")
    known = the_only(schedule)
    assert (known["name"], known["task"], known["args"]) == ("sums", "shop.add", "[4,4]")
    assert (known["tz"], known["misfire"], known["origin"]) == ("Asia/Tokyo", "all", "added")
    following = datetime.fromisoformat(known["next"])
    assert (following.hour, following.utcoffset().total_seconds()) == (9, 9 * 3600)
    assert datetime.fromisoformat(known["next_utc"]) == following
    assert known["next_utc"].endswith("T00:00:00+00:00")
    assert known["last"] is known["last_utc"] is known["last_id"] is None
    header, row = schedule("list").out.splitlines()
    assert header.split() == [
        *("NAME", "TASK", "SCHEDULE", "ZONE", "NEXT", "NEXT", "(UTC)", "LAST", "(UTC)", "RUNS")
    ]
    assert "sums" in row
    assert "09:00:00" in row
    assert "00:00:00" in row


def test_one_is_paused_resumed_run_and_removed(schedule, project):
    added(schedule, "--every", "3600", "-Q", "other", "--priority", "6")
    assert schedule("pause", "sums").out == "Paused sums.\n"
    assert the_only(schedule)["paused"]
    assert "paused" in schedule("list").out
    assert schedule("resume", "sums").out == "Resumed sums.\n"
    assert not the_only(schedule)["paused"]
    id = schedule("run-now", "sums").out.strip()
    known = the_only(schedule)
    assert (known["last_id"], known["count"]) == (id, 1)
    assert known["last"] is not None
    assert schedule("remove", "sums").out == "Removed sums.\n"
    assert schedule("list").out.startswith("No periodic tasks.")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("add", "a", "shop.add"), 2, "say when: one of --cron, --every and --solar"),
        (("add", "a", "shop.add", "--every", "5", "--cron", "* * * * *"), 2, "say when"),
        (("add", "a", "shop.add", "--cron", "* * *"), 2, "expected five fields"),
        (("add", "a", "shop.add", "--every", "0"), 2, "expected 0.01 seconds or more"),
        (("add", "a", "shop.add", "--solar", "sunset"), 2, "sunset"),
        (("add", "a", "shop.add", "--cron", "* * * * *", "--relative"), 2, "--every"),
        (("add", "a", "shop.add", "--every", "5", "-a", "16"), 2, "expected a JSON list"),
        (("add", "a", "shop.add", "--every", "5"), 78, "periodic task 'a'"),
        (("add", "a", "shop.add", "--every", "5", "--tz", "Mars"), 2, "no time zone 'Mars'"),
        (("pause", "a"), 1, "no periodic task 'a' is known"),
        (("remove", "a"), 1, "no periodic task 'a' is known"),
        (("run-now", "a"), 1, "no periodic task 'a' is known"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_is_wrong_is_said_in_one_line(schedule, words, code, says):
    ran = schedule(*words)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("Error: ")
    assert ran.err.count("\n") == 1
    assert says in ran.err


def test_a_name_is_taken_once_unless_it_is_replaced(schedule):
    added(schedule, "--every", "30")
    ran = schedule("add", "sums", "shop.add", "-a", "[4, 4]", "--every", "60")
    assert ran.code != 0
    assert "replace" in ran.err
    added(schedule, "--every", "60", "--replace")
    assert the_only(schedule)["schedule"] == "every 1 min"
