"""Events are gathered, written many at a time, and never in anybody's way."""

import asyncio

import pytest

from asynq.events import dispatcher as room
from asynq.events.dispatcher import BACKLOG, BATCH, as_it_came
from asynq.events.event import Life, decode
from asynq.exceptions import OperationalError, OptionValueError
from tests.events.conftest import make_dispatcher
from tests.waiting import until


class Log:
    """Keeps what is appended, unless it is away."""

    def __init__(self):
        self.batches, self.away = [], False

    async def append(self, body, *, max_bytes, expires):
        if self.away:
            raise OperationalError("away")
        self.batches.append(decode(body))


@pytest.fixture
def log():
    return Log()


@pytest.fixture
async def dispatcher(app, log):
    return make_dispatcher(app, log)


@pytest.fixture
async def running(dispatcher):
    task = asyncio.create_task(dispatcher.run())
    yield dispatcher
    task.cancel()
    await asyncio.wait({task})


async def test_what_is_told_within_a_moment_is_one_batch(running, log):
    for number in range(50):
        running.tell("t", "q", Life(str(number)))
    running.send("worker-heartbeat", active=1)
    await until(lambda: log.batches)
    (batch,) = log.batches
    assert (batch.hostname, batch.number, batch.count, batch.lost) == ("w@here", 1, 51, 0)
    ((name, queue, lives),) = batch.tasks
    assert (name, queue, [each.id for each in lives]) == ("t", "q", [str(n) for n in range(50)])
    assert batch.others[0]["active"] == 1


async def test_batches_have_numbers_and_an_end(dispatcher, log):
    for number in range(2 * BATCH + 1):
        dispatcher.tell(f"t{number % 2}", "q", Life(str(number)))
    await dispatcher.flush()
    assert [(each.number, each.count) for each in log.batches] == [(1, BATCH), (2, BATCH), (3, 1)]
    assert len({each.source for each in log.batches}) == 1


async def test_without_news_nothing_is_written(running, log):
    await running.flush()
    assert log.batches == []


async def test_what_can_not_be_written_is_lost_and_counted(dispatcher, log, caplog):
    log.away = True
    dispatcher.send("a")
    dispatcher.send("b")
    await dispatcher.flush()
    dispatcher.send("c")
    await dispatcher.flush()
    assert dispatcher.lost == 3
    log.away = False
    dispatcher.send("d")
    await dispatcher.flush()
    assert [(each.count, each.lost) for each in log.batches] == [(1, 3)]
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "Events can't be written, and are lost meanwhile: away",
        "Events are written again; 3 are lost",
    ]


async def test_so_many_wait_and_no_more(dispatcher, log):
    for number in range((BACKLOG + 3) * BATCH):
        dispatcher.tell("t", "q", Life(str(number)))
    assert dispatcher.lost == 3 * BATCH
    await dispatcher.flush()
    assert sum(each.count for each in log.batches) == BACKLOG * BATCH
    assert log.batches[0].tasks[0][2][0].id == str(3 * BATCH)  # the oldest are gone


async def test_it_goes_on_when_the_server_is_back(running, log, monkeypatch):
    monkeypatch.setattr(room, "PAUSE", 0.01)
    log.away = True
    running.send("a")
    await until(lambda: running.lost)
    log.away = False
    running.send("b")
    await until(lambda: log.batches)
    assert log.batches[0].others[0]["type"] == "b"


async def test_a_type_must_be_a_text(dispatcher):
    with pytest.raises(OptionValueError, match="expected a text"):
        dispatcher.send("")


def test_arguments_stay_as_they_came_unless_they_are_long():
    assert as_it_came(b"[4,4]") == b"[4,4]"
    text = as_it_came(b'["' + "ü".encode() * 500 + b'"]')
    assert isinstance(text, str)
    assert len(text.encode()) <= 203
    assert text.endswith("ü…")
