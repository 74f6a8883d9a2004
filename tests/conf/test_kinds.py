"""What may be written as a setting's value, and what comes back."""

import re
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from asynq.conf import Settings
from asynq.exceptions import ImproperlyConfigured
from asynq.routes import Queue

GOOD = [
    ("broker_url", "redis://localhost", "redis://localhost"),
    ("broker_url", None, "embedded://"),
    ("broker_transport_options", {"a": 1}, {"a": 1}),
    ("namespace", "proj.web-1", "proj.web-1"),
    ("include", ["proj.tasks"], ("proj.tasks",)),
    ("include", (), ()),
    ("imports", iter(["a", "b.c"]), ("a", "b.c")),
    ("timezone", "Europe/London", "Europe/London"),
    ("timezone", ZoneInfo("America/New_York"), "America/New_York"),
    ("timezone", UTC, "UTC"),
    ("timezone", None, None),
    ("enable_utc", False, False),
    ("task_serializer", "msgpack", "msgpack"),
    ("task_serializer", "application/json", "json"),
    ("accept_content", ["json", "application/x-python-serialize"], ("json", "pickle")),
    ("accept_content", {"msgpack"}, ("msgpack",)),
    ("result_accept_content", None, None),
    ("message_max_bytes", 1, 1),
    ("publish_timeout", 1, 1.0),
    ("publish_timeout", 0.5, 0.5),
    ("publish_timeout", timedelta(milliseconds=1500), 1.5),
    ("task_default_queue", "main", "main"),
    ("task_queues", ["a", {"name": "b"}], (Queue("a"), Queue("b"))),
    ("task_routes", {"a.*": "b"}, {"a.*": "b"}),
    ("task_routes", [{"a.*": "b"}, "proj:route"], ({"a.*": "b"}, "proj:route")),
    ("task_default_priority", 9, 9),
    ("task_acks_late", True, True),
    ("result_expires", timedelta(days=2), 172_800.0),
    ("result_expires", 0, None),
    ("result_expires", None, None),
    ("worker_concurrency", 1, 1),
    ("worker_prefetch_multiplier", None, None),
    ("worker_lease", 0.1, 0.1),
    ("worker_shutdown_grace", 0, 0.0),
    ("worker_log_color", None, None),
]

BAD = [
    ("broker_url", b"redis://", "a URL, or None: embedded://, got b'redis://' (bytes)"),
    ("broker_url", "", "a URL"),
    ("result_backend", ["redis://"], "a URL, or None: as the broker"),
    ("broker_transport_options", [("a", 1)], "a dict of options"),
    ("broker_transport_options", {1: 2}, "a dict of options"),
    ("namespace", "my{app}", "a name of letters"),
    ("include", "proj.tasks", "write ['proj.tasks']"),
    ("include", ["proj/tasks"], "'proj/tasks' is no module's name"),
    ("include", [7], "a list of module names"),
    ("include", None, "a list of module names"),
    ("timezone", "Mars/Olympus", "no such time zone is known here"),
    ("timezone", "../etc/passwd", "no such time zone is known here"),
    ("timezone", timezone(timedelta(hours=1)), "a fixed offset has no name"),
    ("enable_utc", 1, "True or False, got 1 (int)"),
    ("enable_utc", "yes", "True or False"),
    ("accept_content", "json", "write ['json']"),
    ("accept_content", {"json": True}, "a list of serializers' names"),
    ("message_max_bytes", 0, "a number of bytes from 1"),
    ("message_max_bytes", 1.5, "a number of bytes from 1"),
    ("publish_timeout", 0, "seconds above 0"),
    ("publish_timeout", True, "seconds above 0"),
    ("publish_timeout", float("nan"), "seconds above 0"),
    ("publish_timeout", float("inf"), "seconds above 0"),
    ("task_default_queue", "two words", "a queue's name"),
    ("task_queues", "a", "write ['a']"),
    ("task_queues", ["a", "a"], "'a' is declared twice"),
    ("task_routes", {"a": {"quue": "b"}}, "a route has no 'quue'"),
    ("task_default_priority", 10, "a whole number from 0 to 9, got 10 (int)"),
    ("task_default_priority", -1, "a whole number from 0 to 9"),
    ("task_default_priority", False, "a whole number from 0 to 9"),
    ("result_expires", -1, "seconds (a number or a timedelta), or None: kept for ever"),
    ("result_expires", timedelta(-1), "seconds"),
    ("worker_concurrency", "10", "a whole number from 1, got '10' (str)"),
    ("worker_concurrency", None, "a whole number from 1, got None"),
    ("worker_concurrency", 2.0, "a whole number from 1"),
    ("worker_prefetch_multiplier", 0, "a whole number from 1, or None: chosen by the worker"),
    ("worker_log_format", None, "a text"),
]


@pytest.mark.parametrize(("name", "written", "read"), GOOD)
def test_a_value_is_read_into_its_one_form(name, written, read):
    value = Settings({name: written})[name]
    assert value == read
    assert type(value) is type(read) or isinstance(read, dict)


@pytest.mark.parametrize(("name", "written", "complaint"), BAD)
def test_a_value_of_the_wrong_kind_says_what_was_expected(name, written, complaint):
    with pytest.raises(ImproperlyConfigured, match=f"{name}: expected .*{re.escape(complaint)}"):
        Settings({name: written})


def test_a_wrong_value_does_not_show_a_password():
    with pytest.raises(ImproperlyConfigured) as caught:
        Settings({"broker_url": ["redis://:hush@host", "redis://:hush@other"]})
    assert "hush" not in str(caught.value)


def test_a_long_wrong_value_is_cut():
    with pytest.raises(ImproperlyConfigured) as caught:
        Settings({"worker_concurrency": "x" * 10_000})
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("name", ["broker_transport_options", "task_routes"])
def test_a_dict_can_only_be_replaced_as_a_whole(name):
    written = {"a": "b"}
    conf = Settings({name: written})
    written["c"] = "d"
    assert conf[name] == {"a": "b"}
    with pytest.raises(TypeError):
        conf[name]["c"] = "d"
