"""`app.dead`, on real servers; in memory, `asynq dead` is tested."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from asynq import Asynq, Worker
from asynq.brokers.base import Bury, Parcel, Settlement, StoredRecord
from asynq.exceptions import DecodeError
from asynq.wire import sealing
from asynq.wire.attempts import Attempt
from asynq.wire.message import Message, decode, encode


@pytest.fixture
async def app(url, namespace):
    async with Asynq(namespace, broker=url, set_as_current=False) as app:

        @app.task(name="sums.add")
        async def add(x: int, y: int) -> int:
            return x + y

        yield app


@pytest.fixture
def bury(app):
    """Sends a body and puts it aside."""

    async def put(id="a", body=b'{"task":"sums.add","args":[2,3]}', queue="default", **fields):
        await app.broker.publish([Parcel(id=id, queue=queue, body=body, **fields)])
        (delivery,) = await app.broker.receive([queue], limit=1, wait=5)
        await app.broker.settle([Settlement(delivery=delivery, verdict=Bury(f"because of {id}"))])

    return put


async def ids(app, queue=None):
    return [letter.id async for letter in app.dead.letters(queue)]


async def test_a_letter_says_what_it_is_and_why_it_is_here(app, bury):
    tried = Attempt(started=1.0, seconds=2.0, worker="w", state="RETRY", error="KeyError: 'k'")
    await bury("a", encode(Message(task="sums.add", retries=1, attempts=(tried,)), "json"))
    (letter,) = [each async for each in app.dead.letters()]
    assert (letter.id, letter.task, letter.queue) == ("a", "sums.add", "default")
    assert (letter.reason, letter.retries, letter.attempts) == ("because of a", 1, (tried,))
    assert abs(letter.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert repr(letter) == "<DeadLetter: sums.add[a]: because of a>"


async def test_its_arguments_are_told_to_who_asks(app, bury):
    await bury("a", b'{"task":"sums.add","args":[2],"kwargs":{"y":3}}')
    (letter,) = await app.dead.find("a")
    args, kwargs = letter.arguments()
    assert (list(args), kwargs) == ([2], {"y": 3})


async def test_one_that_can_not_be_read_is_listed_too(app, bury):
    await bury("a", b"\x00nonsense")
    (letter,) = await app.dead.find("a")
    assert (letter.task, letter.message, letter.body) == (None, None, b"\x00nonsense")
    with pytest.raises(DecodeError):
        letter.arguments()


async def test_they_come_from_all_queues_the_oldest_of_each_first(app, bury):
    for id, queue in (("a", "default"), ("b", "other"), ("c", "default")):
        await bury(id, queue=queue)
    assert await ids(app) == ["a", "c", "b"]
    assert await ids(app, "other") == ["b"]
    assert await app.dead.count() == 3
    assert await app.dead.count("nowhere") == 0


async def test_there_may_be_more_than_fit_into_one_page(app):
    parcels = [Parcel(id=f"{n:03}", queue="default", body=b"{}") for n in range(250)]
    await app.broker.publish(parcels)
    taken = 0
    while taken < 250:
        deliveries = await app.broker.receive(["default"], limit=250, wait=5)
        taken += len(deliveries)
        await app.broker.settle(
            [Settlement(delivery=one, verdict=Bury("no")) for one in deliveries]
        )
    assert await ids(app) == [parcel.id for parcel in parcels]
    letters = [letter async for letter in app.dead.letters()]
    assert await app.dead.retry(*letters[:120]) == 120
    assert await app.dead.retry_all() == 130
    assert await ids(app) == []
    assert await app.broker.depth("default") == 250


async def test_one_that_goes_back_runs(app, bury):
    await bury("a")
    async with Worker(app):
        assert await app.dead.retry("a") == 1
        assert await app.AsyncResult("a").get(timeout=10) == 5
    assert await ids(app) == []


async def test_it_goes_back_as_if_it_were_new_and_remembers_what_it_met(app, bury):
    tried = Attempt(started=1.0, seconds=2.0, state="RETRY")
    message = Message(
        task="sums.add",
        retries=3,
        attempts=(tried,),
        unknown_since=7.0,
        expires=9.0,
        headers={"a": 1},
    )
    await bury("a", encode(message, "json"), priority=9)
    await app.dead.retry("a")
    (back,) = await app.broker.receive(["default"], limit=1, wait=5)
    assert decode(back.body) == Message(task="sums.add", attempts=(tried,), headers={"a": 1})
    assert (back.priority, back.redeliveries) == (9, 0)


async def test_what_has_nothing_to_forget_goes_back_as_it_is(app, bury):
    later = datetime.now(UTC).timestamp() + 3600
    bodies = [b" {}", b'{ "task":"t", "expires":%d}' % later]
    for id, body in enumerate(bodies):
        await bury(str(id), body)
    await app.dead.retry_all()
    back = [(await app.broker.receive(["default"], limit=1, wait=5))[0].body for _ in bodies]
    assert sorted(back) == sorted(bodies)


async def test_who_waits_for_it_waits_for_the_new_result(app, bury):
    await bury("a")
    old = StoredRecord(id="a", body=b'{"status":"FAILURE"}')
    await app.backend.store([old])
    await app.dead.retry("a")
    assert await app.AsyncResult("a").state == "PENDING"


async def test_what_somebody_else_has_sent_back_is_sent_back_once(app, bury):
    await bury("a")
    letters = await app.dead.find("a")
    counts = await asyncio.gather(*(app.dead.retry(*letters) for _ in range(3)))
    assert sorted(counts) == [0, 0, 1]
    assert await app.broker.depth("default") == 1


async def test_sending_a_letter_back_again_leaves_its_tasks_new_result_alone(app, bury):
    await bury("a")
    letters = [each async for each in app.dead.letters()]
    async with Worker(app):
        assert await app.dead.retry(*letters) == 1
        assert await app.AsyncResult("a").get(timeout=10) == 5
    assert await app.dead.retry(*letters) == 0
    assert await app.AsyncResult("a").state == "SUCCESS"


async def test_what_was_put_aside_by_a_clock_that_is_ahead_goes_back_too(app, bury, monkeypatch):
    await bury("a")
    known = app.broker.now()
    monkeypatch.setattr(type(app.broker), "now", lambda broker: known - 3)
    assert await app.dead.retry_all() == 1


async def test_sending_back_all_ends_where_they_come_again(app, bury):
    await bury("a", b'{"task":"nobodys"}')
    app.conf.worker_unknown_task_ttl = 0  # put aside at once, again and again
    async with Worker(app):
        assert await app.dead.retry_all() == 1


async def test_they_can_be_thrown_away(app, bury):
    for id, queue in (("a", "default"), ("b", "other"), ("c", "default"), ("d", "default")):
        await bury(id, queue=queue)
    assert await app.dead.discard("a", "unknown") == 1
    assert await ids(app) == ["c", "d", "b"]
    assert await app.dead.purge("default") == 2
    assert await app.dead.purge() == 1
    assert await ids(app) == []


async def test_ids_are_looked_for_where_one_says(app, bury):
    await bury("a")
    assert await app.dead.retry("a", queue="other") == 0
    assert await app.dead.discard("a", queue="other") == 0
    assert await ids(app) == ["a"]


async def test_a_sealed_letter_is_opened_and_goes_back_sealed_by_the_key_of_today(app, bury):
    app.conf.message_keys = {"old": "the old secret, long enough"}
    body = b'{"task":"sums.add","args":[2,3]}'
    await bury("a", app.seal.seal(body, queue="default", id="a"))
    app.conf.message_keys = {
        "new": "the new secret, long enough",
        "old": "the old secret, long enough",
    }
    (letter,) = await app.dead.find("a")
    assert (letter.task, letter.arguments()) == ("sums.add", ([2, 3], {}))
    assert await app.dead.retry(letter) == 1
    app.conf.message_keys = {"new": "the new secret, long enough"}
    (delivery,) = await app.broker.receive(["default"], limit=1, wait=5)
    assert decode(app.seal.open(delivery.body, queue="default", id="a")).task == "sums.add"


async def test_sending_a_letter_again_does_not_make_a_forged_one_trusted(app, bury):
    app.conf.message_keys = {"k": "a secret that is long enough"}
    forged = b'{"task":"sums.add","args":[2,3],"retries":1}'
    await bury("a", forged)
    (letter,) = await app.dead.find("a")
    assert (letter.task, letter.message) == (None, None)
    assert await app.dead.retry(letter) == 1
    (delivery,) = await app.broker.receive(["default"], limit=1, wait=5)
    assert delivery.body == forged


async def test_a_letter_older_than_messages_may_be_goes_back_as_new(app, bury, monkeypatch):
    app.conf.update(message_keys={"k": "a secret that is long enough"}, message_max_age=60)
    body = b'{"task":"sums.add","args":[2,3]}'
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "time", lambda: 1000.0)
        await bury("a", app.seal.seal(body, queue="default", id="a"))
    assert await app.dead.retry("a") == 1
    (delivery,) = await app.broker.receive(["default"], limit=1, wait=5)
    assert app.seal.open(delivery.body, queue="default", id="a")
