"""To which room of the house a function belongs."""

import pytest

from benchmarks.profile.rooms import HOUSE, room_of


@pytest.mark.parametrize(
    ("file", "function", "room"),
    [
        ("worker/consumer.py", "_fill", "fetching"),
        ("worker/settlement.py", "ended", "settling"),
        ("wire/message.py", "decode", "decoding"),
        ("wire/message.py", "encode", "encoding"),
        ("_redis/link.py", "write", "Redis I/O"),
        ("task/base.py", "delay", "the call"),
        ("something_new.py", "f", "elsewhere in asynq"),
    ],
)
def test_a_function_of_asynq_is_told_by_its_file(file, function, room):
    assert room_of(str(HOUSE / file), function) == room


@pytest.mark.parametrize(
    ("file", "room"),
    [
        ("/usr/lib/python3.11/asyncio/tasks.py", "the event loop"),
        ("/usr/lib/python3.11/logging/__init__.py", "standard library"),
        ("/somewhere/benchmarks/profile/scenes.py", "the user's task"),
    ],
)
def test_others_are_told_by_where_they_live(file, room):
    assert room_of(file, "f") == room
