"""Outcomes to their effects, in batches, in the right order."""

import asyncio

import pytest

from asynq import states
from asynq.backends.memory import MemoryBackend
from asynq.brokers.base import ACK, SPEND, Bury, Delivery, Requeue
from asynq.exceptions import (
    EncodeError,
    NotRegistered,
    OperationalError,
    PayloadTooLarge,
)
from asynq.execution.outcome import Failed, Interrupted, Success
from asynq.execution.run import failed
from asynq.request import Request
from asynq.wire.message import Message
from asynq.wire.record import decode
from asynq.worker import settlement as room
from asynq.worker.admission import Refusal
from asynq.worker.records import Records
from asynq.worker.settlement import BATCH, Settlements
from asynq.worker.state import Run
from tests.waiting import until


class Notes:
    """A broker and a backend that note, in order, what they are asked."""

    location = None

    def __init__(self, united):
        self.united = united
        self.calls = []
        self.stored = {}
        self.failures = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.answers = None
        self.trusted = True

    def unite(self, location):
        return self.united

    async def settle(self, settlements):
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop()
        self.calls.append(("settle", [(s.delivery.id, s.verdict) for s in settlements]))
        for settlement in settlements:
            if settlement.record is not None:
                assert self.united
                self.stored[settlement.record.id] = settlement.record
        return self.answers or [True] * len(settlements)

    async def store(self, records):
        if self.failures:
            raise self.failures.pop()
        self.calls.append(("store", [record.id for record in records]))
        for record in records:
            self.stored[record.id] = record

    def record(self, id):
        return decode(self.stored[id].body)


@pytest.fixture
async def begin(app):
    tasks = []

    def begin(*, united=True, expires=77.0, max_bytes=1000, extended=False):
        notes = Notes(united)
        records = Records(
            hostname="w@here",
            serializer="json",
            max_bytes=max_bytes,
            extended=extended,
            expires=expires,
        )
        settlements = Settlements(notes, notes, records, trusted=lambda: notes.trusted)
        tasks.append(asyncio.create_task(settlements.run()))
        return settlements, notes

    def end():
        for task in tasks:
            task.cancel()

    begin.end = end
    yield begin
    end()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def made(app):
    """Makes runs of a task with these options."""

    def made(id="1", *, message=Message(task="t"), **options):  # noqa: B008 - frozen
        @app.task(name="t", **options)
        def t(): ...

        return Run(
            delivery=Delivery(id=id, queue="q", body=b""),
            message=message,
            task=t,
            request=Request(id=id, task="t", ignore_result=t.ignore_result),
        )

    return made


async def test_a_success_is_stored_and_acknowledged_in_one_call(begin, made):
    settlements, notes = begin()
    outcome = settlements.ended(made(result_expires=5), Success({"a": 1}))
    await settlements.drained()
    assert isinstance(outcome, Success)
    assert notes.calls == [("settle", [("1", ACK)])]
    assert notes.record("1").status == states.SUCCESS
    assert bytes(notes.record("1").result) == b'{"a":1}'
    assert (notes.stored["1"].ttl, notes.stored["1"].final) == (5, True)


async def test_where_they_are_two_servers_the_result_is_stored_first(begin, made):
    settlements, notes = begin(united=False)
    settlements.ended(made(), Success(1))
    await settlements.drained()
    assert notes.calls == [("store", ["1"]), ("settle", [("1", ACK)])]


async def test_a_failed_store_is_repeated_before_anything_is_settled(begin, made):
    settlements, notes = begin(united=False)
    notes.failures = [OperationalError("gone")] * 2
    settlements.ended(made(), Success(1))
    await settlements.drained()
    assert notes.calls == [("store", ["1"]), ("settle", [("1", ACK)])]


async def test_what_is_stored_elsewhere_is_not_stored_again_when_settling_is_repeated(begin, made):
    settlements, notes = begin(united=False)
    settle, tries = notes.settle, []

    async def unheard(batch):
        tries.append([each.delivery.id for each in batch])
        if len(tries) < 3:
            raise OperationalError("no answer")
        return await settle(batch)

    notes.settle = unheard
    settlements.ended(made(), Success(1))
    await settlements.drained()
    assert tries == [["1"]] * 3
    assert notes.calls == [("store", ["1"]), ("settle", [("1", ACK)])]


async def test_a_call_without_an_answer_is_repeated_as_it_was(begin, made):
    settlements, notes = begin()
    settle, tries = notes.settle, []

    async def unheard(batch):
        tries.append([each.delivery.id for each in batch])
        if len(tries) == 1:
            settlements.ended(made("2"), Success(2))
            settlements.lost([run.delivery])
            raise OperationalError("no answer")
        return await settle(batch)

    notes.settle = unheard
    settlements.ended(run := made("1"), Success(1))
    await settlements.drained()
    assert tries == [["1"], ["1"], ["2"]]


async def test_what_ends_meanwhile_goes_out_together_up_to_a_batch(begin, made):
    settlements, notes = begin()
    notes.gate.clear()
    run = made()
    settlements.ended(run, Success(0))
    await asyncio.sleep(0)
    for _ in range(BATCH + 1):
        settlements.ended(run, Success(0))
    notes.gate.set()
    await settlements.drained()
    assert [len(settled) for _, settled in notes.calls] == [1, BATCH, 1]


async def test_large_results_go_out_a_few_at_a_time(begin, made, monkeypatch):
    monkeypatch.setattr(room, "BATCH_BYTES", 1000)
    settlements, notes = begin(max_bytes=5000)
    for size in (400, 400, 400, 2000, 10, 2000):
        settlements.ended(made(str(size)), Success("x" * size))
    await settlements.drained()
    assert [[id for id, _ in settled] for _, settled in notes.calls] == [
        ["400", "400"],
        ["400"],
        ["2000"],
        ["10"],
        ["2000"],
    ]


async def test_an_outage_loses_nothing(begin, made, caplog):
    settlements, notes = begin()
    notes.failures = [OperationalError("gone")] * 3
    settlements.ended(made("1"), Success(1))
    settlements.ended(made("2"), Success(2))
    await settlements.drained()
    assert notes.calls == [("settle", [("1", ACK), ("2", ACK)])]
    assert "Can't settle finished tasks: gone. Trying again…" in caplog.text


async def test_a_result_that_came_too_late_is_said(begin, made, caplog):
    settlements, notes = begin()
    notes.answers = [False]
    settlements.ended(made(), Success(1))
    await settlements.drained()
    assert "Task 1 was no longer ours when it ended" in caplog.text


# What is stored of failures


async def test_a_failure_is_stored_and_acknowledged(begin, made):
    settlements, notes = begin()
    run = made()
    settlements.ended(run, failed(run.task, LookupError("gone")))
    await settlements.drained()
    assert notes.calls == [("settle", [("1", ACK)])]
    record = notes.record("1")
    assert record.status == states.FAILURE
    assert "LookupError" in record.error.type


class Hostile:
    """Whose own methods raise something odd."""

    @property
    def __class__(self):
        raise RuntimeError("none of your business")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (object(), EncodeError),
        ("x" * 2000, PayloadTooLarge),
        ((n for n in ()), EncodeError),
        (ValueError("as a value"), EncodeError),
        (Hostile(), Exception),
    ],
    ids=["object", "large", "generator", "error", "hostile"],
)
async def test_a_value_that_can_not_be_stored_is_a_failure(begin, made, value, error):
    settlements, notes = begin()
    outcome = settlements.ended(made(), Success(value))
    await settlements.drained()
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, error)
    assert notes.calls == [("settle", [("1", ACK)])]
    assert notes.record("1").status == states.FAILURE


async def test_an_error_with_half_a_character_in_it_can_be_stored(begin, made):
    settlements, notes = begin()
    run = made()
    settlements.ended(run, failed(run.task, OSError("file \udc80 is gone")))
    await settlements.drained()
    assert notes.record("1").status == states.FAILURE


# What is not stored


async def test_an_ignored_result_is_acknowledged_only(begin, made):
    settlements, notes = begin()
    run = made(ignore_result=True)
    settlements.started(run)
    settlements.ended(run, Success(object()))
    settlements.ended(run, failed(run.task, LookupError()))
    await settlements.drained()
    assert notes.stored == {}
    assert len(notes.calls[0][1]) == 2


async def test_errors_of_ignored_results_are_stored_where_that_is_wanted(begin, made):
    settlements, notes = begin()
    run = made(ignore_result=True, store_errors_even_if_ignored=True)
    settlements.ended(run, failed(run.task, LookupError()))
    await settlements.drained()
    assert notes.record("1").status == states.FAILURE


async def test_the_call_says_how_long_the_result_is_kept(begin, made):
    settlements, notes = begin()
    run = made(result_expires=5, message=Message(task="t", result_expires=9.0, reply_to="me"))
    settlements.ended(run, Success(1))
    await settlements.drained()
    assert (notes.stored["1"].ttl, notes.stored["1"].reply_to) == (9.0, "me")


@pytest.mark.parametrize("extended", [False, True])
async def test_who_ran_what_is_stored_where_that_is_wanted(begin, made, extended):
    settlements, notes = begin(extended=extended)
    run = made()
    run.request.args, run.request.kwargs = ([1, 2],), {"text": "é" * 2000}
    settlements.called(run)
    run.request.args[0].clear()
    settlements.ended(run, Success(1))
    settlements.ended(made("2"), failed(run.task, KeyError()))
    settlements.refused(refused(Bury("why"), Message(task="t", retries=2), id="3"))
    await settlements.drained()
    record, failure, refusal = map(notes.record, "123")
    for one in (record, failure, refusal):
        told = (one.worker, one.task, one.queue)
        assert told == (("w@here", "t", "q") if extended else (None, None, None))
    assert record.args == ("([1, 2],)" if extended else None)
    if extended:
        assert record.kwargs.startswith("{'text': 'éé")
        assert 1000 < len(record.kwargs.encode()) <= 1024
        assert refusal.retries == 2
    assert (failure.args, failure.kwargs) == (None, None)


async def test_an_interrupted_run_goes_back_and_one_that_was_lost_is_left_alone(begin, made):
    settlements, notes = begin()
    settlements.ended(made("1"), Interrupted("stop"))
    settlements.ended(made("2"), Interrupted("lost", lost=True))
    settlements.hand_back([Delivery(id="3", queue="q", body=b"")])
    await settlements.drained()
    assert notes.calls == [("settle", [("1", Requeue()), ("3", Requeue())])]
    assert notes.stored == {}


# Another server for results, and a worker that can't be sure of its leases


async def test_nothing_is_stored_elsewhere_while_the_leases_are_in_doubt(begin, made):
    settlements, notes = begin(united=False)
    notes.trusted = False
    settlements.ended(made("1"), Success("of a worker that stood still"))
    settlements.ended(made("2"), Success(2))
    for _ in range(3):
        await asyncio.sleep(0)
    assert notes.calls == []
    settlements.lost([settlements._waiting[0].delivery])
    notes.trusted = True
    await settlements.drained()
    assert notes.calls == [("store", ["2"]), ("settle", [("2", ACK)])]


async def test_what_is_lost_before_its_end_is_settled_is_told(begin, made, caplog):
    settlements, notes = begin()
    settlements.ended(run := made("1"), Success(1))
    settlements.lost([run.delivery])
    await settlements.drained()
    assert notes.calls == []
    assert caplog.text.count("Task 1 was no longer ours when it ended") == 1


async def test_what_is_lost_while_its_settlement_is_away_does_not_disturb_the_others(begin, made):
    settlements, notes = begin()
    notes.gate.clear()
    runs = [made(str(number)) for number in range(4)]
    settlements.ended(runs[0], Success(0))
    settlements.ended(runs[1], Success(1))
    await asyncio.sleep(0)
    settlements.ended(runs[2], Success(2))
    settlements.ended(runs[3], Success(3))
    settlements.lost([runs[0].delivery, runs[2].delivery])
    notes.gate.set()
    await settlements.drained()
    assert [id for _, settled in notes.calls for id, _ in settled] == ["0", "1", "3"]


# Acknowledged before the run


async def test_an_early_acknowledgement_says_whether_the_message_was_ours(begin, made):
    settlements, notes = begin()
    run = made()
    assert await settlements.acknowledge(run)
    assert run.acknowledged
    notes.answers = [False]
    assert not await settlements.acknowledge(made("2"))


async def test_a_message_that_is_lost_meanwhile_is_not_acknowledged(begin, made):
    settlements, notes = begin(united=False)
    notes.trusted = False
    run = made()
    waiting = asyncio.create_task(settlements.acknowledge(run))
    await asyncio.sleep(0)
    settlements.lost([run.delivery])
    assert not await waiting


async def test_what_was_spent_ends_as_all_else(begin, made):
    settlements, notes = begin()
    run = made(acks_late=False)
    await settlements.acknowledge(run)
    settlements.ended(run, Success(1))
    await settlements.drained()
    assert notes.calls == [("settle", [("1", SPEND)]), ("settle", [("1", ACK)])]
    assert notes.record("1").status == states.SUCCESS


async def test_a_word_that_was_not_answered_is_said_again_before_it_runs(begin, made):
    settlements, notes = begin()
    notes.failures = [OperationalError("no answer")] * 2
    run = made(acks_late=False)
    assert await settlements.acknowledge(run)
    assert notes.calls == [("settle", [("1", SPEND)])]


async def test_a_worker_that_ends_leaves_nobody_waiting_for_an_acknowledgement(begin, made):
    settlements, notes = begin()
    notes.gate.clear()
    waiting = asyncio.create_task(settlements.acknowledge(made()))
    await asyncio.sleep(0)
    waiting.cancel()  # as a stopping worker does
    begin.end()
    async with asyncio.timeout(5):
        assert not await waiting
        assert not await settlements.acknowledge(made("2"))


# What was refused


def refused(verdict, message, *, id="1"):
    delivery = Delivery(id=id, queue="q", body=b"")
    return Refusal(delivery, verdict, NotRegistered("no task 't'"), message)


async def test_a_final_refusal_is_told_to_who_waits_and_kept_as_long_as_a_result(begin):
    settlements, notes = begin()
    settlements.refused(refused(Bury("why"), Message(task="t", reply_to="me")))
    await settlements.drained()
    assert notes.calls == [("settle", [("1", Bury("why"))])]
    assert notes.record("1").status == states.FAILURE
    assert (notes.stored["1"].ttl, notes.stored["1"].reply_to) == (77.0, "me")


@pytest.mark.parametrize(
    ("verdict", "message"), [(Requeue(delay=1.0), Message(task="t")), (Bury("why"), None)]
)
async def test_nothing_is_told_of_what_may_run_elsewhere_or_can_not_be_read(
    begin, verdict, message
):
    settlements, notes = begin()
    settlements.refused(refused(verdict, message))
    await settlements.drained()
    assert notes.calls == [("settle", [("1", verdict)])]
    assert notes.stored == {}


# STARTED


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(room, "STARTED_AFTER", 0.05)


async def test_a_lasting_task_is_called_started_even_when_nothing_else_happens(begin, made, soon):
    settlements, notes = begin()
    await settlements.drained()
    for _ in range(3):
        await asyncio.sleep(0)  # the loop is idle, and waits for something to settle
    settlements.started(made(result_expires=5))
    await until(lambda: notes.calls)
    assert notes.calls == [("store", ["1"])]
    assert (notes.record("1").status, notes.record("1").worker) == (states.STARTED, "w@here")
    assert (notes.stored["1"].final, notes.stored["1"].ttl) == (False, 5)


async def test_a_short_task_goes_straight_to_its_end(begin, made):
    settlements, notes = begin()
    run = made()
    settlements.started(run)
    settlements.ended(run, Success(1))
    await settlements.drained()
    assert notes.calls == [("settle", [("1", ACK)])]


async def test_started_is_not_written_where_it_is_not_wanted(begin, made, soon):
    settlements, notes = begin()
    settlements.started(made("1", track_started=False))
    settlements.started(made("2", track_started=True))
    await until(lambda: notes.calls)
    assert notes.calls == [("store", ["2"])]


async def test_an_outage_puts_started_off(begin, made, soon):
    settlements, notes = begin()
    notes.failures = [OperationalError("gone")]
    settlements.started(made())
    await until(lambda: notes.calls)
    assert notes.calls == [("store", ["1"])]


def test_the_memory_backend_and_broker_of_one_name_settle_in_one_go(app, broker, namespace):
    backend = MemoryBackend("memory://", namespace=namespace)
    assert broker.unite(backend.location)
