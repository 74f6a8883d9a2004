"""What a rule of `task_routes` may be."""

import re

import pytest

from asynq.exceptions import ImproperlyConfigured
from asynq.routes import Queue, check_routes


@pytest.mark.parametrize(
    "routes",
    [
        None,
        {},
        [],
        {"proj.add": "fast"},
        {"proj.add": {"queue": "fast", "priority": 9, "routing_key": "x", "serializer": "json"}},
        {"proj.add": {"queue": Queue("fast")}},
        {"proj.*": "fast", re.compile(r"web\..+"): "web"},
        [("proj.add", "fast"), ("proj.*", {"queue": "slow"})],
        ([("proj.add", "fast"), ("proj.*", {"queue": "slow"})],),
        lambda name, args, kwargs, options, task=None, **kw: None,
        "proj.routing:route",
        "proj.routing.route",
        ["not.there:at_all", {"proj.add": "fast"}],
    ],
)
def test_routes_may_be(routes):
    check_routes(routes)


@pytest.mark.parametrize(
    ("routes", "complaint"),
    [
        (7, "expected a dict from task names"),
        ("fast queue", "expected a dict from task names"),
        ([None], "expected a dict from task names"),
        ({7: "fast"}, "expected a task's name"),
        ({"proj.add": None}, r"task_routes\['proj.add'\]: expected a queue's name"),
        ({"proj.add": ["fast"]}, "expected a queue's name"),
        ({"proj.add": "two words"}, "queue name 'two words'"),
        ({"proj.add": {"queue": 7}}, "queue name '7'"),
        ({"proj.add": {"queu": "fast"}}, "has no 'queu': expected queue, routing_key, priority"),
        ({"proj.add": {"queue": "q", "exchange": "x"}}, "has no 'exchange': queues are named"),
        ({"proj.add": {"priority": 10}}, "priority: expected 0 to 9, got 10"),
        ({"proj.add": {"priority": True}}, "priority: expected 0 to 9, got True"),
        ({"proj.add": {"routing_key": 7}}, "routing_key: expected a text, got 7"),
        ({re.compile("a.+"): {"serializer": ""}}, r"task_routes\['a.\+'\]: serializer"),
    ],
)
def test_what_is_no_rule_says_so_at_once(routes, complaint):
    with pytest.raises(ImproperlyConfigured, match=complaint):
        check_routes(routes)


@pytest.mark.parametrize("option", ["expires", "time_limit", "compression", "link"])
def test_an_option_of_a_later_release_is_not_ignored(option):
    with pytest.raises(NotImplementedError, match=f"'{option}' is not in this release yet"):
        check_routes({"proj.add": {option: 1}})
