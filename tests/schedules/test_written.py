"""Schedules as plain values, and back."""

import msgspec
import pytest

from asynq.schedules import BaseSchedule, crontab, schedule, solar
from asynq.schedules.written import Other, Written, read, write


@pytest.mark.parametrize(
    "value",
    [
        crontab(),
        crontab("*/5", "8-18", "mon-fri", [1, 15], "jan", tz="Europe/Berlin"),
        schedule(0.25),
        schedule(3600, relative=True, tz="Asia/Tokyo"),
        solar("sunset", 52.5, 13.4),
    ],
    ids=repr,
)
def test_what_is_written_can_be_read(value):
    body = msgspec.json.encode(write(value, ""))
    assert read(msgspec.json.decode(body, type=Written)) == value


def test_ones_own_is_only_named():
    class Mine(schedule):
        pass

    assert write(Mine(5), "mine") == Other(text="mine")
    assert write(BaseSchedule(), "base") == Other(text="base")
    assert read(Other(text="mine")) is None
