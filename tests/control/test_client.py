"""`app.control`, before a broker that notes what it is told."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from asynq import Asynq
from asynq.control import Control
from asynq.control.orders import opened_order
from asynq.exceptions import (
    ImproperlyConfigured,
    OptionTypeError,
    OptionValueError,
    SecurityError,
)


class NotingBroker:
    """Notes what it is told, in order."""

    def __init__(self):
        self.told = []
        self.waiting = True

    async def revoke(self, ids, *, terminate, ttl):
        self.told.append(("revoke", tuple(ids), terminate, ttl))

    async def reschedule(self, id, *, delay=0.0, due=None):
        self.told.append(("reschedule", id, delay, due))
        return self.waiting

    def fanout(self):
        return self

    async def publish(self, channel, body):
        self.told.append((channel, json.loads(body)))


@pytest.fixture
def broker():
    return NotingBroker()


@pytest.fixture
def app():
    return Asynq("proj", set_as_current=False, task_revoke_expires=60, timezone="Europe/Berlin")


@pytest.fixture
def control(app, broker):
    return Control(lambda: broker, app.conf)


async def test_revoking_is_remembered_before_it_is_said(control, broker):
    await control.revoke("a")
    assert broker.told == [("revoke", ("a",), False, 60.0), ("control", {"revoke": ["a"]})]


async def test_several_are_revoked_at_once_each_once(control, broker):
    await control.revoke(["a", "b", "a"], terminate=True, ttl=5)
    assert broker.told == [
        ("revoke", ("a", "b"), True, 5),
        ("control", {"revoke": ["a", "b"], "terminate": True}),
    ]


async def test_terminating_is_revoking_what_runs_too(control, broker):
    await control.terminate("a")
    assert broker.told[0][2] is True


async def test_revoking_nothing_asks_nobody(control, broker):
    await control.revoke([])
    assert broker.told == []


@pytest.mark.parametrize(
    ("option", "error", "says"),
    [
        ({"signal": "SIGKILL"}, OptionValueError, "there is none to choose here, leave it out"),
        ({"ttl": 0}, OptionValueError, "ttl: expected seconds above 0, got 0"),
        ({"timeout": 3}, OptionValueError, "so say wait=True too"),
    ],
)
async def test_what_can_not_be_asked_for_says_why(control, broker, option, error, says):
    with pytest.raises(error, match=says):
        await control.revoke("a", terminate=True, **option)
    assert broker.told == []


@pytest.mark.parametrize("nonsense", [3, None, "", "two\nlines", ["a", 3], object()])
async def test_what_is_no_id_is_said_to_be_none(control, broker, nonsense):
    with pytest.raises(ImproperlyConfigured, match="revoke: task_id: expected a text of 1 to 200"):
        await control.revoke(nonsense)
    with pytest.raises(ImproperlyConfigured, match="reschedule: task_id: expected a text of 1 to"):
        await control.reschedule(nonsense, countdown=1)
    assert broker.told == []


async def test_an_id_may_be_a_uuid(control, broker):
    id = UUID(int=7)
    await control.revoke([id, str(id)])
    await control.reschedule(id, countdown=1)
    assert [told[1] for told in broker.told if told[0] != "control"] == [(str(id),), str(id)]


async def test_a_waiting_task_gets_another_time(control, broker):
    noon = (datetime.now(UTC) + timedelta(days=30)).replace(hour=12, minute=0, microsecond=0)
    berlin = noon.astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None)
    assert await control.reschedule("a", countdown=timedelta(minutes=1))
    await control.reschedule("a", eta=noon)
    await control.reschedule("a", eta=berlin.isoformat())  # in the app's timezone
    await control.reschedule("a", countdown=0, eta=noon)
    assert broker.told == [
        ("reschedule", "a", 60.0, None),
        ("reschedule", "a", 0.0, noon.timestamp()),
        ("reschedule", "a", 0.0, noon.timestamp()),
        ("reschedule", "a", 0.0, None),
    ]


async def test_what_does_not_wait_is_told(control, broker):
    broker.waiting = False
    assert not await control.reschedule("a", countdown=1)


async def test_another_time_must_be_one(control):
    with pytest.raises(TypeError, match="say when, countdown=… or eta=…"):
        await control.reschedule("a")
    with pytest.raises(OptionTypeError, match="reschedule: countdown: expected seconds"):
        await control.reschedule("a", countdown="soon")


def test_what_can_not_be_said_here_says_why(app):
    with pytest.raises(NotImplementedError, match=r"app\.control\.election: .*a task, or a lock"):
        _ = app.control.election


async def test_with_keys_nobody_else_can_say_what_is_revoked(app, broker):
    app.conf.message_keys = "k:" + "x" * 32
    said = []

    async def publish(channel, body):
        said.append(body)

    broker.publish = publish
    await Control(lambda: broker, app.conf, lambda: app.seal).revoke("a")
    assert opened_order(said[0], app.seal).revoke == ("a",)
    with pytest.raises(SecurityError, match="bad signature: there is none"):
        opened_order(b'{"revoke":["a"]}', app.seal)
    # What was signed as something else is no order.
    with pytest.raises(SecurityError, match="bad signature"):
        opened_order(app.seal.seal(b'{"revoke":["a"]}', queue="control", id=""), app.seal)


def test_what_there_never_was_is_an_ordinary_error(app):
    assert not hasattr(app.control, "nonsense")
