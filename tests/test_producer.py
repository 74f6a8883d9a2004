import asyncio
import json
import warnings
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from asynq import Asynq
from asynq._time import time
from asynq.brokers.memory import MemoryBroker
from asynq.exceptions import (
    ContentDisallowed,
    EncodeError,
    PayloadTooLarge,
    QueueNotFound,
    SecurityError,
)
from asynq.request import Request, current


class Spy(MemoryBroker):
    """A broker that remembers what was published, and how long it was to try."""

    async def publish(self, parcels, *, timeout=None):
        self.timeout = timeout
        self.parcels = [*getattr(self, "parcels", []), *parcels]
        await super().publish(parcels)


@pytest.fixture
async def app(namespace):
    app = Asynq("proj", broker="memory://", namespace=namespace)
    app.connections._pair().broker = Spy("memory://", namespace=namespace)

    @app.task
    def add(x: int, y: int = 0) -> int:
        return x + y

    yield app
    await app.aclose()


@pytest.fixture
def add(app):
    return app.tasks[f"{__name__}.add"]


def sent(app):
    return app.broker.parcels[-1]


def body(app):
    return json.loads(sent(app).body)


async def test_a_plain_call_is_a_short_message(app, add):
    result = await add.delay(4, 4)
    assert sent(app).id == result.id
    assert sent(app).queue == "default"
    assert body(app) == {"task": add.name, "args": [4, 4]}


async def test_named_arguments_travel_by_name(app, add):
    await add.delay(4, y=5)
    assert body(app) == {"task": add.name, "args": [4], "kwargs": {"y": 5}}


async def test_options_travel_with_the_call(app, add):
    await add.apply_async(
        (1,),
        task_id="my-id",
        queue="slow",
        priority=9,
        headers={"trace": "abc"},
        shadow="plus",
        ignore_result=True,
        result_expires=timedelta(minutes=1),
        root_id="root",
        parent_id="parent",
        retry=True,
    )
    assert (sent(app).id, sent(app).queue, sent(app).priority) == ("my-id", "slow", 9)
    assert body(app) == {
        "task": add.name,
        "args": [1],
        "priority": 9,
        "root_id": "root",
        "parent_id": "parent",
        "ignore_result": True,
        "result_expires": 60.0,
        "shadow": "plus",
        "headers": {"trace": "abc"},
    }


async def test_a_result_kept_for_ever_is_told_apart_from_one_kept_as_usual(app, add):
    await add.apply_async((1,), result_expires=None)
    assert body(app)["result_expires"] == 0
    await add.apply_async((1,))
    assert "result_expires" not in body(app)


async def test_a_countdown_is_kept_on_the_brokers_clock(app, add):
    before = time()
    await add.apply_async((1,), countdown=10)
    assert (sent(app).delay, sent(app).due) == (10.0, None)
    assert before + 10 <= body(app)["eta"] <= time() + 10


async def test_a_countdown_stands_over_an_eta(app, add):
    await add.apply_async((1,), countdown=10, eta=datetime(2020, 1, 1, tzinfo=UTC))
    assert (sent(app).delay, sent(app).due) == (10.0, None)


async def test_an_eta_is_a_moment(app, add):
    eta = datetime(2020, 1, 1, tzinfo=UTC)
    for written in (eta, eta.isoformat(), eta.astimezone(ZoneInfo("Asia/Tokyo"))):
        await add.apply_async((1,), eta=written)
        assert (sent(app).delay, sent(app).due) == (0.0, eta.timestamp())
        assert body(app)["eta"] == eta.timestamp()


@pytest.mark.parametrize(("zone", "hour"), [(None, 12), ("Europe/Paris", 11)])
async def test_an_eta_that_names_no_zone_is_in_the_apps(app, add, zone, hour):
    app.conf.timezone = zone
    await add.apply_async((1,), eta=datetime(2020, 1, 1, 12))
    assert sent(app).due == datetime(2020, 1, 1, hour, tzinfo=UTC).timestamp()


async def test_the_call_stands_over_the_task_and_the_task_over_routes(app):
    app.conf.task_routes = {"*": {"queue": "routed", "priority": 3}}

    @app.task
    def plain():
        pass

    @app.task(queue="own", priority=6)
    def choosy():
        pass

    await plain.delay()
    assert (sent(app).queue, sent(app).priority) == ("routed", 3)
    await choosy.delay()
    assert (sent(app).queue, sent(app).priority) == ("own", 6)
    await choosy.apply_async(queue="asked", priority=0)
    assert (sent(app).queue, sent(app).priority) == ("asked", 0)


async def test_a_routing_function_is_asked_for_every_call(app, add):
    seen = []

    def by_size(name, args, kwargs, options, task=None, **more):
        seen.append((name, args, kwargs, options, task))
        return {"queue": "big", "priority": 6} if args[0] > 10 else None

    app.conf.task_routes = [by_size, {"*": "small"}]
    await add.delay(11)
    assert (sent(app).queue, sent(app).priority) == ("big", 6)
    await add.apply_async((1,), {"y": 2}, priority=3)
    assert (sent(app).queue, sent(app).priority) == ("small", 3)
    await add.apply_async((11,), queue="mine")
    assert (sent(app).queue, sent(app).priority) == ("mine", 6)
    assert seen[1] == (add.name, (1,), {"y": 2}, {"priority": 3}, add)


async def test_a_routing_key_is_another_word_for_a_queue(app, add):
    app.conf.task_queues = [{"name": "default"}, {"name": "feeds", "routing_key": "feed"}]
    await add.apply_async((1,), routing_key="feed")
    assert sent(app).queue == "feeds"
    await add.apply_async((1,), routing_key="feeds")
    assert sent(app).queue == "feeds"


async def test_a_queue_that_must_be_declared_is_refused_at_the_call(app, add):
    app.conf.task_create_missing_queues = False
    with pytest.raises(QueueNotFound, match="'nope' is not declared"):
        add.apply_async((1,), queue="nope")


async def test_a_changed_setting_is_seen_by_the_next_call(app, add):
    await add.delay(1)
    app.conf.task_default_queue = "other"
    app.conf.task_default_priority = 3
    await add.delay(1)
    assert (sent(app).queue, sent(app).priority) == ("other", 3)


async def test_a_changed_option_is_seen_by_the_next_call(app, add):
    await add.delay(1)
    add.queue = "other"
    await add.delay(1)
    assert sent(app).queue == "other"
    add.queue = None
    await add.delay(1)
    assert sent(app).queue == "default"


async def test_arguments_are_written_when_the_call_is_made(app):
    @app.task
    def total(numbers):
        pass

    numbers = [1]
    call = total.delay(numbers)
    numbers.append(2)
    await call
    assert body(app)["args"] == [[1]]


async def test_an_argument_that_cannot_be_written_is_refused_at_the_call(app, add):
    with pytest.raises(EncodeError, match=r"args\[0\]"):
        add.delay(object())


async def test_headers_that_cannot_be_written_are_refused(app, add):
    with pytest.raises(EncodeError, match="headers"):
        await add.apply_async((1,), headers={"x": object()})


async def test_a_message_over_the_limit_is_refused_before_it_is_sent(app, add):
    app.conf.message_max_bytes = 100
    with pytest.raises(PayloadTooLarge, match=r"has 1,\d\d\d bytes, the limit is 100 "):
        await add.apply_async((1,), headers={"x": "x" * 1000})
    assert not hasattr(app.broker, "parcels")


async def test_a_serializer_must_be_accepted_where_it_is_used_to_send(app, add):
    await add.apply_async((1,), serializer="json")
    with pytest.raises(ContentDisallowed, match="accept_content"):
        add.apply_async((1,), serializer="pickle")
    app.conf.task_serializer = "msgpack"
    with pytest.raises(ContentDisallowed):
        add.delay(1)
    app.conf.accept_content = ["json", "msgpack", "pickle"]
    await add.delay(1)
    await add.apply_async((1,), serializer="pickle")


async def test_a_call_inside_a_task_knows_its_parent_and_root(app, add):
    token = current.set(Request(id="me", root_id="root", task="proj.outer"))
    await add.delay(1)
    current.reset(token)
    assert (body(app)["root_id"], body(app)["parent_id"]) == ("root", "me")


async def test_a_call_inside_a_function_that_a_task_calls_has_the_task_as_parent(app, add):
    @app.task
    async def outer():
        await inner()

    @app.task
    async def inner():
        await add.delay(1)

    await outer.apply(task_id="me")
    assert (body(app)["root_id"], body(app)["parent_id"]) == ("me", "me")


async def test_a_call_may_say_how_long_the_broker_is_to_try(app, add):
    await add.apply_async((1,), publish_timeout=0.01)
    assert app.broker.timeout == 0.01
    await add.delay(1)
    assert app.broker.timeout is None


async def test_only_who_waits_has_the_message_carry_where(app, add):
    asked = []

    def reply_address(*, waiting):
        asked.append(waiting)
        return "me" if waiting else None

    async def wait(id, *, announced, timeout):
        asked.append(announced)
        return b'{"r":1}'

    app.backend.reply_address, app.backend.wait = reply_address, wait
    await add.delay(1)
    assert "reply_to" not in body(app)
    await add.delay(1).get()
    assert body(app)["reply_to"] == "me"
    assert asked == [False, True, True]


async def test_nobody_asks_for_a_backend_where_the_result_is_ignored(app):
    app.conf.result_backend = "nonsense://"

    @app.task(ignore_result=True)
    def quiet():
        pass

    assert await quiet.delay().get() is None


async def test_a_task_named_after_its_script_warns(app):
    def script():
        pass

    script.__module__ = "__main__"
    unnamed = Asynq(broker="memory://")
    task = unnamed.task(script)
    with pytest.warns(RuntimeWarning, match=r"'__main__.script' is named after the script"):
        await task.delay()
    await unnamed.aclose()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await app.task(script).delay()
    assert body(app)["task"] == "proj.script"


async def test_many_calls_at_once_arrive_each_once(app, add):
    results = await asyncio.gather(*(add.delay(i) for i in range(1000)))
    assert len({result.id for result in results}) == 1000
    assert await app.broker.depth("default") == 1000


async def test_where_there_are_keys_a_message_leaves_sealed_for_its_queue_and_id(app, add):
    app.conf.message_keys = {"k": "a secret that is long enough"}
    result = await add.apply_async((2, 3), queue="sums")
    assert sent(app).body[:1] == b"\x01"
    opened = app.seal.open(sent(app).body, queue="sums", id=result.id)
    assert json.loads(opened)["args"] == [2, 3]
    with pytest.raises(SecurityError):
        app.seal.open(sent(app).body, queue="default", id=result.id)


async def test_where_there_are_keys_to_encrypt_with_a_message_can_not_be_read(app, add):
    app.conf.encryption_keys = {"k": "a secret that is long enough"}
    result = await add.apply_async((2, 3), headers={"who": "somebody"})
    for plain in (b"add", b"args", b"somebody"):
        assert plain not in sent(app).body
    opened = app.seal.open(sent(app).body, queue="default", id=result.id)
    assert json.loads(opened)["headers"] == {"who": "somebody"}


async def test_a_delayed_message_ages_from_when_it_is_due(app, add):
    app.conf.update(message_keys={"k": "a secret that is long enough"}, message_max_age=60)
    result = await add.apply_async((1,), countdown=3600)
    assert app.seal.open(sent(app).body, queue="default", id=result.id)
