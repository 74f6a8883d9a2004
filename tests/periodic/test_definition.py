"""Entries as a broker keeps them."""

import os
import subprocess
import sys

import pytest

from asynq import Asynq, chain, crontab, schedule
from asynq.exceptions import DecodeError, ImproperlyConfigured, SecurityError
from asynq.periodic import definition
from asynq.periodic.declarations import canvas_of
from asynq.schedules.entries import periodic

KEYS = {"k": "a secret of thirty-two characters"}


def an_app(**settings):
    app = Asynq("shop", broker="memory://", set_as_current=False, **settings)

    @app.task(name="shop.add")
    async def add(x, y=0):
        return x + y

    return app


def entry_of(app, **fields):
    entry = periodic("a", **{"task": "shop.add", "schedule": 30, "args": (1,), **fields})
    return entry, canvas_of(entry, app)


def declared(app, **fields):
    return definition.declared(*entry_of(app, **fields), app, app.seal)


def added(app, **fields):
    return definition.added(*entry_of(app, **fields), app, app.seal)


@pytest.mark.parametrize(
    "change",
    [
        {"args": (2,)},
        {"kwargs": {"y": 1}},
        {"options": {"queue": "q"}},
        {"schedule": 31},
        {"schedule": crontab()},
        {"tz": "Asia/Tokyo"},
        {"misfire": "all"},
        {"grace": 5},
        {"task": "shop.other"},
    ],
)
def test_whatever_differs_is_another_definition(change):
    app = an_app()
    assert declared(app) == declared(app)
    assert declared(app).definition != declared(app, **change).definition


@pytest.mark.parametrize(
    ("change", "same"),
    [({"args": (2,)}, True), ({"schedule": 31}, False), ({"tz": "Asia/Tokyo"}, False)],
)
def test_a_rule_says_when_and_nothing_else(change, same):
    app = an_app()
    assert (declared(app).rule == declared(app, **change).rule) is same


def test_two_processes_have_the_same_definition():
    code = (
        "from tests.periodic.test_definition import an_app, declared;"
        "print(declared(an_app(), kwargs={'y': {'b', 'a', 'c'}}, options={'queue': 'q'}))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1


def test_what_was_added_can_be_made_again():
    app = an_app(timezone="Europe/Berlin")
    kept = added(app, schedule=crontab(0, 9), options={"queue": "q"}, misfire="all", grace=60)
    read = definition.read("a", kept.definition, app.seal, declared=False)
    entry, canvas = definition.revived("a", read, app)
    assert (entry.schedule, entry.misfire, entry.grace) == (crontab(0, 9), "all", 60.0)
    assert str(entry.zone) == "Europe/Berlin"
    assert (canvas.task, canvas.args, canvas.options) == ("shop.add", (1,), {"queue": "q"})
    assert (read.args, read.kwargs, read.text) == ("[1]", "{}", "0 9 * * *")


def test_a_chain_can_be_made_again():
    app = an_app()
    add = app.tasks["shop.add"]
    kept = added(app, task=chain(add.s(1), add.s(2)), args=())
    read = definition.read("a", kept.definition, None, declared=False)
    _, canvas = definition.revived("a", read, app)
    assert read.task == "chain(shop.add, shop.add)"
    assert [each.args for each in canvas.tasks] == [(1,), (2,)]


def test_a_schedule_of_ones_own_can_only_be_declared():
    class Mine(schedule):
        pass

    app = an_app()
    with pytest.raises(ImproperlyConfigured, match="declare it in beat_schedule"):
        added(app, schedule=Mine(5))
    kept = declared(app, schedule=Mine(5))
    read = definition.read("a", kept.definition, None, declared=True)
    assert (read.text, read.schedule_here()) == ("every 5 s", None)


def test_what_was_added_is_signed_where_messages_are():
    app, other = an_app(message_keys=KEYS), an_app()
    kept = added(app)
    assert definition.read("a", kept.definition, app.seal, declared=False).task == "shop.add"
    for forged in (added(other).definition, kept.definition[:-1] + b"x"):
        with pytest.raises(SecurityError):
            definition.read("a", forged, app.seal, declared=False)
    with pytest.raises(SecurityError):  # nor can it pass for another entry
        definition.read("b", kept.definition, app.seal, declared=False)


def test_what_code_declares_is_the_same_in_all_beats_that_sign():
    assert declared(an_app(message_keys=KEYS)) == declared(an_app(message_keys=KEYS))


def test_where_messages_are_encrypted_no_argument_is_told():
    pytest.importorskip("cryptography")
    keys = {"k": "0123456789abcdef0123456789abcdef"}
    app = an_app(encryption_keys=keys)
    secret = {"args": ("a secret",), "kwargs": {"y": "a secret"}}
    for kept in (declared(app, **secret), added(app, **secret)):
        assert b"a secret" not in kept.definition
    read = definition.read("a", added(app, **secret).definition, app.seal, declared=False)
    assert definition.revived("a", read, app)[1].args == ("a secret",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"{}",
        b'{"task":"t","schedule":{"type":"cron"},"tz":"UTC","text":""}',
    ],
)
def test_what_can_not_be_read_is_said(body):
    with pytest.raises(DecodeError, match="periodic task a"):
        definition.read("a", body, None, declared=False)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"task":"t","schedule":{"type":"interval","seconds":5},"tz":"UTC","text":""}', "call"),
        (b'{"task":"t","schedule":{"type":"interval","seconds":0},"tz":"UTC","text":""}', "0.01"),
        (
            b'{"task":"t","schedule":{"type":"interval","seconds":5},"tz":"Mars","text":"",'
            b'"canvas":{"task":"t"}}',
            "Mars",
        ),
        (
            b'{"task":"t","schedule":{"type":"interval","seconds":5},"tz":"UTC","text":"",'
            b'"canvas":{"task":1}}',
            "signature",
        ),
    ],
)
def test_what_makes_no_sense_is_said(body, says):
    read = definition.read("a", body, None, declared=False)
    with pytest.raises(DecodeError, match=says):
        definition.revived("a", read, an_app())
