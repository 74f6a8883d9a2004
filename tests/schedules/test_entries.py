"""The setting `beat_schedule`, read and checked."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from asynq.schedules import crontab, schedule
from asynq.schedules.entries import read_entries, read_entry


def entry(**fields):
    return {"task": "tasks.add", "schedule": 30, **fields}


def test_an_entry_says_what_and_when():
    (read,) = read_entries(
        {"add": entry(args=(16, 16), kwargs={"z": 1}, options={"queue": "q"})}
    ).values()
    assert (read.name, read.task, read.schedule) == ("add", "tasks.add", schedule(30))
    assert (read.args, read.kwargs, read.options) == ((16, 16), {"z": 1}, {"queue": "q"})
    assert (read.zone, read.misfire, read.grace) == (None, "latest", None)


@pytest.mark.parametrize(
    ("when", "means"),
    [
        ({"schedule": 30.0}, schedule(30)),
        ({"schedule": timedelta(hours=1), "relative": True}, schedule(3600, relative=True)),
        ({"schedule": crontab(0, 9)}, crontab(0, 9)),
        ({"schedule": crontab(0, 9), "relative": False}, crontab(0, 9)),
    ],
)
def test_a_schedule_may_be_a_number_a_timedelta_or_an_object(when, means):
    assert read_entry("a", entry(**when)).schedule == means


def test_an_entry_may_have_a_zone_and_say_what_becomes_of_missed_slots():
    read = read_entry("a", entry(tz="Asia/Tokyo", misfire="all", grace=timedelta(minutes=5)))
    assert (read.zone, read.misfire, read.grace) == (ZoneInfo("Asia/Tokyo"), "all", 300.0)


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        (
            {"args": 16},
            TypeError,
            r"'a': args: expected a list or tuple, got 16 \(int\); one argument .* \(16,\)",
        ),
        ({"args": "hello"}, TypeError, r"is written \('hello',\), with a comma"),
        ({"args": {"x": 1}}, TypeError, "args: expected a list or tuple"),
        ({"kwargs": [1]}, TypeError, "kwargs: expected a dict"),
        ({"kwargs": {1: 2}}, TypeError, "kwargs: expected a dict"),
        ({"options": "queue"}, TypeError, "options: expected a dict"),
        ({"schedule": "0 9 * * *"}, TypeError, "crontab.from_string"),
        ({"schedule": None}, TypeError, "schedule: expected seconds"),
        ({"schedule": True}, TypeError, "schedule: expected seconds"),
        ({"schedule": 0}, ValueError, "expected 0.01 seconds or more"),
        ({"schedule": crontab(), "relative": True}, ValueError, "relative"),
        ({"task": None}, TypeError, "task: expected a task's name"),
        ({"task": ""}, TypeError, "task: expected a task's name"),
        ({"misfire": "never"}, ValueError, "misfire: expected one of 'skip', 'latest', 'all'"),
        ({"grace": -1}, ValueError, "grace: expected seconds"),
        ({"grace": "1"}, ValueError, "grace: expected seconds"),
        ({"tz": "Mars"}, ValueError, "no time zone 'Mars'"),
        ({"arg": ()}, ValueError, "no field 'arg'; there are task, schedule, args"),
        ({1: ()}, ValueError, "no field 1"),
    ],
)
def test_what_is_wrong_in_an_entry_is_said_with_its_name(fields, error, says):
    with pytest.raises(error, match=says) as raised:
        read_entry("a", entry() | fields)
    assert str(raised.value).startswith("'a': ")


@pytest.mark.parametrize("missing", ["task", "schedule"])
def test_an_entry_has_a_task_and_a_schedule(missing):
    fields = entry()
    del fields[missing]
    with pytest.raises(ValueError, match=f"'a': '{missing}' is missing"):
        read_entry("a", fields)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([entry()], "a dict from names to entries"),
        ({"a": "tasks.add"}, "'a': expected a dict with 'task' and 'schedule'"),
        ({1: entry()}, "an entry's name"),
        ({"": entry()}, "an entry's name"),
    ],
)
def test_the_setting_is_a_dict_of_dicts(value, says):
    with pytest.raises(TypeError, match=says):
        read_entries(value)
