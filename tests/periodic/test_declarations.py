"""What an app's code declares."""

import logging

import pytest

from asynq import Asynq, chain, crontab, group, schedule
from asynq.exceptions import ImproperlyConfigured


@pytest.fixture
def app(namespace):
    app = Asynq(namespace, broker="memory://")

    @app.task(name="shop.add")
    async def add(x, y=0):
        return x + y

    return app


def test_a_signature_is_added_under_its_own_words(app):
    add = app.tasks["shop.add"]
    assert app.add_periodic_task(10.0, add.s("hello")) == "shop.add('hello')"
    assert app.add_periodic_task(10.0, add.s("hello"), name="greet") == "greet"
    assert app.add_periodic_task(10.0, add, (1,), {"y": 2}) == "shop.add(1, y=2)"
    assert [*app.periodic.all()] == ["shop.add('hello')", "greet", "shop.add(1, y=2)"]
    assert app.periodic.all()["greet"].schedule == schedule(10)


def test_arguments_come_before_its_own(app):
    app.add_periodic_task(10.0, app.tasks["shop.add"].s(2), (1,), name="a")
    canvas = app.periodic.all()["a"].task
    assert canvas.args == (1, 2)


def test_options_are_the_calls_and_fields_the_entrys(app):
    add = app.tasks["shop.add"]
    app.add_periodic_task(
        60, add.s(1), name="a", queue="feeds", expires=5, tz="Asia/Tokyo", misfire="all", grace=3
    )
    entry = app.periodic.all()["a"]
    assert entry.options == {"queue": "feeds", "expires": 5.0}
    assert (str(entry.zone), entry.misfire, entry.grace) == ("Asia/Tokyo", "all", 3.0)


def test_one_without_a_name_that_takes_anothers_place_is_said(app, caplog):
    add = app.tasks["shop.add"]
    with caplog.at_level(logging.WARNING, "asynq.beat"):
        app.add_periodic_task(10.0, add.s(1), name="named")
        app.add_periodic_task(20.0, add.s(1), name="named")
        assert caplog.text == ""
        app.add_periodic_task(10.0, add.s(1))
        app.add_periodic_task(20.0, add.s(1))
    assert "takes the place of another of the same call" in caplog.text
    assert app.periodic.all()["shop.add(1)"].schedule == schedule(20)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "says"),
    [
        ((10.0, "shop.add"), {}, TypeError, "expected a signature"),
        (("soon", None), {}, TypeError, "expected a signature"),
        (("soon", "add"), {}, TypeError, "schedule: expected seconds"),
        ((10.0, "add"), {"queu": "x"}, TypeError, "did you mean 'queue'"),
        ((10.0, "add"), {"misfire": "never"}, ValueError, "misfire"),
        ((crontab(), "add"), {"relative": True}, ValueError, "relative"),
    ],
)
def test_what_is_wrong_is_said_where_it_is_added(app, arguments, options, error, says):
    when, what = arguments
    sig = app.tasks["shop.add"].s(1) if what == "add" else what
    with pytest.raises(error, match=says):
        app.add_periodic_task(when, sig, **options)


def test_the_setting_comes_first_and_adding_stands_over_it(app):
    app.conf.beat_schedule = {"a": {"task": "shop.add", "schedule": 5, "args": (1,)}}
    assert app.periodic.all()["a"].schedule == schedule(5)
    app.add_periodic_task(7, app.tasks["shop.add"].s(1), name="a")
    assert app.periodic.all()["a"].schedule == schedule(7)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"task": "shop.add", "schedule": 5, "args": 16}, r"'a': args: expected a list or tuple"),
        ({"task": "shop.add"}, "'schedule' is missing"),
        ({"schedule": 5}, "'task' is missing"),
        ("shop.add", "'a': expected a dict"),
    ],
)
def test_a_wrong_entry_of_the_setting_is_said_when_it_is_set(app, entry, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        app.conf.beat_schedule = {"a": entry}
    with pytest.raises(ImproperlyConfigured, match=says):
        Asynq("x", beat_schedule={"a": entry})


def test_what_waits_until_the_app_is_complete_is_called_once(app):
    called = []

    @app.on_after_configure.connect
    def configured(sender, source, **kwargs):
        called.append(("configured", sender, source))
        sender.add_periodic_task(10.0, app.tasks["shop.add"].s("hello"), name="hello")

    @app.on_after_finalize.connect
    def finalized(sender, **kwargs):
        called.append(("finalized", sender))

    assert called == []
    app.import_modules()
    app.import_modules()
    assert called == [("configured", app, app.conf), ("finalized", app)]
    assert [*app.periodic.all()] == ["hello"]


def test_who_connects_late_is_called_at_the_next_look(app):
    app.import_modules()

    @app.on_after_configure.connect
    def late(sender, **kwargs):
        sender.add_periodic_task(10.0, app.tasks["shop.add"].s(1), name="late")

    assert [*app.periodic.all()] == ["late"]


def test_an_error_of_theirs_is_raised(app):
    @app.on_after_finalize.connect
    def broken(sender, **kwargs):
        raise LookupError("no such schedule")

    with pytest.raises(LookupError, match="no such schedule"):
        app.import_modules()


def test_they_are_no_coroutines(app):
    @app.on_after_finalize.connect
    async def asynchronous(sender, **kwargs): ...

    with pytest.raises(TypeError, match="expected a `def`"):
        app.import_modules()


def test_a_chain_or_a_group_may_be_added(app):
    add = app.tasks["shop.add"]
    app.add_periodic_task(10, chain(add.s(1), add.s(2)), name="chain")
    app.add_periodic_task(10, group(add.s(1), add.s(2)), name="group")
    assert [*app.periodic.all()] == ["chain", "group"]
