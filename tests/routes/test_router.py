"""Which queue a call goes to."""

import re
import sys
from types import ModuleType

import pytest

from asynq.exceptions import ImproperlyConfigured, QueueNotFound
from asynq.routes import Queue, Route, Router


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (None, Route("default")),
        ({"proj.add": "fast"}, Route("fast")),
        ({"proj.add": {"queue": "fast", "priority": 9}}, Route("fast", 9)),
        ({"proj.add": {"priority": 3}}, Route("default", 3)),
        ({"proj.add": {"serializer": "msgpack"}}, Route("default", None, "msgpack")),
        ({"proj.add": {"routing_key": "other"}}, Route("other")),
        ({"proj.add": {"queue": "fast", "routing_key": "other"}}, Route("fast")),
        ({"proj.*": "glob"}, Route("glob")),
        ({"proj.?dd": "glob"}, Route("glob")),
        ({"*": "glob"}, Route("glob")),
        ({"add": "no", "proj.ad": "no", "roj.add": "no"}, Route("default")),
        ({re.compile(r"(proj|web)\..*"): "regex"}, Route("regex")),
        ({re.compile("roj"): "no"}, Route("default")),
        ({"proj.*": "glob", "proj.add": "exact"}, Route("exact")),
        ({"p*": "first", "proj.*": "second"}, Route("first")),
        ([{"web.*": "web"}, {"proj.*": "second"}, {"proj.add": "third"}], Route("second")),
        ([("proj.*", "pairs")], Route("pairs")),
        (([("web.*", "web"), ("proj.*", "pairs")],), Route("pairs")),
    ],
)
def test_a_table_knows_the_route_by_the_name_alone(routes, expected):
    router = Router(routes)
    assert router.static_route("proj.add") == expected
    assert router.route("proj.add", (1,), {}, {}) == expected


def test_a_function_is_asked_for_every_call():
    def by_tenant(name, args, kwargs, options, task=None, **kw):
        return {"queue": f"tenant.{kwargs['tenant']}", "priority": options.get("priority", 5)}

    router = Router(by_tenant)
    assert router.static_route("proj.add") is None
    assert router.route("proj.add", (), {"tenant": 1}, {}) == Route("tenant.1", 5)
    assert router.route("proj.add", (), {"tenant": 2}, {"priority": 9}) == Route("tenant.2", 9)


def test_a_function_gets_the_whole_call():
    seen = []

    def note(*args, **kwargs):
        seen.append((args, kwargs))

    task = object()
    Router([note]).route("proj.add", (1, 2), {"z": 3}, {"countdown": 4}, task)
    assert seen == [(("proj.add", (1, 2), {"z": 3}, {"countdown": 4}), {"task": task})]


def test_the_first_rule_with_an_answer_wins():
    def silent(name, args, kwargs, options, task=None):
        return None

    def mail(name, args, kwargs, options, task=None):
        return "mail" if name.startswith("mail.") else None

    router = Router([{"proj.add": "table"}, silent, mail, {"*": "rest"}])
    assert router.static_route("proj.add") == Route("table")
    assert router.static_route("mail.send") is None
    assert router.route("mail.send") == Route("mail")
    assert router.route("other") == Route("rest")


@pytest.fixture
def routing_module(monkeypatch):
    module = ModuleType("a_routing_module")
    module.route = lambda name, args, kwargs, options, task=None: "by-name"
    module.number = 7
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


@pytest.mark.parametrize("sign", [":", "."])
def test_a_function_may_be_named(routing_module, sign):
    router = Router(f"{routing_module}{sign}route")
    assert router.static_route("proj.add") is None
    assert router.route("proj.add") == Route("by-name")


def test_a_named_function_is_imported_only_when_it_is_asked(routing_module):
    router = Router(["not_there_at_all:route"])
    with pytest.raises(ImproperlyConfigured, match="not_there_at_all:route"):
        router.route("proj.add")


def test_a_name_of_something_else_says_so(routing_module):
    with pytest.raises(ImproperlyConfigured, match="is not a function"):
        Router(f"{routing_module}:number").route("proj.add")


async def by_a_coroutine(name, args, kwargs, options, task=None):
    return "queue"


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (by_a_coroutine, "the route function for proj.add: expected a queue's name"),
        (lambda *args, **kw: 7, "got 7"),
        (lambda *args, **kw: {"quue": "x"}, "has no 'quue'"),
        (lambda *args, **kw: "two words", "queue name 'two words'"),
    ],
)
def test_a_function_with_a_wrong_answer_is_an_error(function, complaint):
    with pytest.raises(ImproperlyConfigured, match=complaint):
        Router(function).route("proj.add")


def test_without_declared_queues_a_worker_consumes_the_default_one():
    assert Router().queues == ("default",)
    assert Router(default_queue="main").queues == ("main",)
    assert Router(queues=[Queue("a"), Queue("b")]).queues == ("a", "b")


def test_a_routing_key_finds_the_queue_declared_with_it():
    router = Router({"proj.add": {"routing_key": "feed.import"}}, [Queue("feeds", "feed.import")])
    assert router.static_route("proj.add") == Route("feeds")
    assert router.queue_for_key("feed.import") == "feeds"
    assert router.queue_for_key("new") == "new"


def test_a_missing_queue_is_made_by_using_it():
    assert Router(queues=[Queue("a")]).queue("b") == "b"
    with pytest.raises(ImproperlyConfigured, match="queue name 'b c'"):
        Router(queues=[Queue("a")]).queue("b c")


def test_where_queues_must_be_declared_a_missing_one_is_an_error_that_names_the_others():
    router = Router({"x": "c", "y": "b"}, [Queue("a"), Queue("b")], "a", create_missing=False)
    assert router.queue("b") == "b"
    assert router.static_route("y") == Route("b")
    assert router.static_route("other") == Route("a")
    with pytest.raises(QueueNotFound, match=r"'c' is not declared; task_queues has a, b\."):
        router.static_route("x")
    with pytest.raises(QueueNotFound, match="'d'"):
        router.queue("d")


def test_the_default_queue_alone_needs_no_declaration():
    assert Router(create_missing=False).static_route("proj.add") == Route("default")


def test_a_declared_list_without_the_default_queue_does_not_hide_the_mistake():
    with pytest.raises(QueueNotFound, match="'default'"):
        Router(queues=[Queue("a")], create_missing=False).static_route("proj.add")
