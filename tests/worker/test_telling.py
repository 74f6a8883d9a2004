"""What a worker does with calls is told to whoever has connected to its signals."""

import asyncio

import pytest

from asynq import Reject, TaskRevokedError, TimeLimitExceeded, signals
from asynq.brokers.base import Parcel
from asynq.wire.message import Message, encode
from asynq.worker.worker import Worker
from tests.waiting import until


@pytest.fixture
def told():
    """What each signal was sent with, by its name."""
    told, receivers = {}, {}

    def hear(signal):
        async def heard(sender, **more):
            told.setdefault(signal, []).append((sender, more))

        return heard

    for name in ("task_received", "task_revoked", "task_rejected", "task_unknown", "task_failure"):
        receivers[name] = getattr(signals, name).connect(hear(name))
    yield told
    for name, receiver in receivers.items():
        getattr(signals, name).disconnect(receiver)


@pytest.fixture
async def worker(app):
    async with Worker(app, hostname="w@here", concurrency=1, grace=0.1) as worker:
        yield worker


async def test_a_call_that_has_come_is_told_before_it_runs(app, worker, told):
    @app.task
    async def add(x):
        return len(told["task_received"]) + x

    result = await add.delay(1)
    assert await result.get(timeout=10) == 2
    ((sender, more),) = told["task_received"]
    assert (sender, more["request"].id, more["request"].args) == ("w@here", result.id, [1])


async def test_one_that_was_revoked_or_has_expired_before_it_ran(app, told):
    @app.task(name="never")
    async def never(): ...

    revoked = await never.delay()
    await revoked.revoke()
    with pytest.warns(RuntimeWarning, match="expires"):
        expired = await never.apply_async(expires=-1)
    async with Worker(app):
        await until(lambda: len(told.get("task_revoked", ())) == 2)
    by_id = {more["request"].id: (sender, more) for sender, more in told["task_revoked"]}
    assert by_id.keys() == {revoked.id, expired.id}
    for id, was_late in ((revoked.id, False), (expired.id, True)):
        sender, more = by_id[id]
        assert (sender, more["terminated"], more["expired"]) == (never, False, was_late)


async def test_of_one_that_was_revoked_and_is_unknown_here_the_name_is_told(app, told):
    revoked = await app.send_task("of.tomorrow")
    await revoked.revoke()
    async with Worker(app):
        await until(lambda: told.get("task_revoked"))
    ((sender, _),) = told["task_revoked"]
    assert sender == "of.tomorrow"


async def test_one_that_was_ended_while_it_ran(app, worker, told):
    @app.task
    async def long():
        await asyncio.sleep(60)

    result = await long.delay()
    await until(lambda: worker.state.active)
    await result.revoke(terminate=True)
    with pytest.raises(TaskRevokedError):
        await result.get(timeout=10)
    ((sender, more),) = told["task_revoked"]
    assert (sender.name, more["terminated"], more["expired"]) == (long.name, True, False)


async def test_one_over_its_time_has_failed(app, worker, told):
    @app.task(time_limit=0.05)
    async def long():
        await asyncio.sleep(60)

    with pytest.raises(TimeLimitExceeded):
        await long.delay().get(timeout=10)
    ((sender, more),) = told["task_failure"]
    assert sender.name == long.name
    assert isinstance(more["exception"], TimeLimitExceeded)


async def test_one_that_is_unknown_here(app, worker, told):
    body = encode(Message(task="of.tomorrow"), "json")
    await app.broker.publish([Parcel(id="1", queue="default", body=body)])
    await until(lambda: told.get("task_unknown"))
    sender, more = told["task_unknown"][0]
    assert (sender, more["name"], more["id"], more["message"]) == (
        *("w@here", "of.tomorrow", "1"),
        body,
    )


async def test_one_that_can_not_be_read_or_rejects_itself(app, worker, told):
    @app.task
    async def picky():
        raise Reject("no thanks")

    await app.broker.publish([Parcel(id="1", queue="default", body=b"{")])
    await until(lambda: told.get("task_rejected"))
    await picky.delay()
    await until(lambda: len(told["task_rejected"]) == 2)
    (first, second) = told["task_rejected"]
    assert (first[0], first[1]["message"]) == ("w@here", b"{")
    assert isinstance(second[1]["exc"], Reject)
