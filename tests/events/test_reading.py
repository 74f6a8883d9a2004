"""Batches are read once each, and those only that are ours."""

import pytest

from asynq import Asynq
from asynq.events.event import Batch, Life, encode
from asynq.events.reading import Reader
from tests.events.conftest import make_dispatcher


def body_of(number, *, source="a", lost=0):
    lives = [("t", "q", [Life(f"{source}{number}")])]
    return encode(Batch("w@here", 1, source, number, 1000.0, lost=lost, tasks=lives))


@pytest.fixture
async def log(app):
    return app.broker.events()


async def write(log, *bodies):
    for body in bodies:
        await log.append(body, max_bytes=10_000_000, expires=100.0)


async def read(reader):
    found = []
    while reads := await reader.read():
        found += [each.batch.tasks[0][2][0].id for each in reads]
    return found


async def test_a_batch_that_was_written_twice_is_read_once(log):
    await write(log, body_of(1), body_of(1), body_of(1, source="b"), body_of(2), body_of(1))
    assert await read(Reader(log, None)) == ["a1", "b1", "a2"]


async def test_what_was_lost_meanwhile_is_counted(log):
    reader = Reader(log, None)
    await write(log, body_of(1, lost=5), body_of(1, source="b"))
    await read(reader)
    assert reader.lost == 0  # that was before
    await write(log, body_of(2, lost=7), body_of(2, source="b", lost=100))
    await read(reader)
    assert reader.lost == 102


async def test_what_is_no_batch_is_left_out_and_said_once(log, caplog):
    reader = Reader(log, None)
    await write(log, b"junk", body_of(1), b"\xff", body_of(2))
    assert await read(reader) == ["a1", "a2"]
    assert reader.refused == 2
    assert [r.getMessage()[:39] for r in caplog.records] == [
        "Events that can't be read are left out:"
    ]


KEYS = {"encryption_keys": {"k": "x" * 32}, "message_keys": {"k": "y" * 32}}


@pytest.fixture
async def sealed(namespace):
    async with Asynq(namespace, broker="memory://", **KEYS) as app:
        yield app


async def test_sealed_events_can_not_be_read_by_others_nor_be_made_by_them(sealed, app, caplog):
    dispatcher = make_dispatcher(sealed)
    dispatcher.tell("secret.task", "q", Life("a1", args=b'["secret"]'))
    await dispatcher.flush()
    log = sealed.broker.events()
    (page,) = await log.read("", limit=10)
    assert b"secret" not in page.body
    await write(log, body_of(2))
    reader = Reader(log, sealed.seal)
    assert await read(reader) == ["a1"]
    assert reader.refused == 1
    without_keys = Reader(app.broker.events(), None)
    assert await read(without_keys) == ["a2"]
    assert without_keys.refused == 1


async def test_a_record_or_a_message_is_no_batch_of_events(sealed):
    seal, body = sealed.seal, body_of(1)
    log = sealed.broker.events()
    await write(log, seal.seal_record("", body), seal.seal(body, queue="", id=""))
    reader = Reader(log, seal)
    assert await read(reader) == []
    assert reader.refused == 2
