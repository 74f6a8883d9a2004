"""Queues and names."""

from types import SimpleNamespace

import pytest

from asynq.exceptions import ImproperlyConfigured
from asynq.routes import Queue, check_name, queues_of


@pytest.mark.parametrize("name", ["default", "feeds.import", "w1@host.dq2", "tenant/12", "a" * 200])
def test_a_queue_may_be_called(name):
    assert Queue(name).name == name


@pytest.mark.parametrize(
    "name", ["", "a b", "a{b}", "a,b", "feeds.*", "a\nb", "größe", "\x1b[1m", "a" * 201, 7, None]
)
def test_a_queue_may_not_be_called(name):
    with pytest.raises(ImproperlyConfigured, match=r"queue name .* expected 1 to 200"):
        Queue(name)


@pytest.mark.parametrize("name", ["proj.tasks.add", "a", "x:y-z_1"])
def test_a_task_may_be_called(name):
    assert check_name(name, "task name") == name


@pytest.mark.parametrize("name", ["", "a b", "a{b}", "a\n", "a/b", "a" * 201])
def test_a_task_may_not_be_called(name):
    with pytest.raises(ImproperlyConfigured, match="task name"):
        check_name(name, "task name")


@pytest.mark.parametrize(
    "written",
    [
        ["feeds", "mail"],
        ("feeds", Queue("mail")),
        [{"name": "feeds"}, "mail"],
        {"feeds": {"exchange": "feeds"}, "mail": None},
        (SimpleNamespace(name="feeds", routing_key=""), SimpleNamespace(name="mail")),
    ],
)
def test_queues_are_written_in_many_ways(written):
    assert queues_of(written) == (Queue("feeds"), Queue("mail"))


def test_a_queue_keeps_its_routing_key():
    assert queues_of({"feeds": {"routing_key": "feed.import"}}) == (Queue("feeds", "feed.import"),)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("feeds", r"write \['feeds'\]"),
        (7, "write"),
        ([7], "7 has no name"),
        ([{"routing_key": "x"}], "has no name"),
        (["a", "b", "a"], "'a' is declared twice"),
        (["a b"], "queue name 'a b'"),
    ],
)
def test_what_is_no_list_of_queues_says_so(written, complaint):
    with pytest.raises(ImproperlyConfigured, match=complaint):
        queues_of(written)
