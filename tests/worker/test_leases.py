"""The thread that keeps what we hold ours, and watches the event loop."""

import asyncio
import logging
import threading
import time

import pytest

from asynq.brokers.base import Delivery
from asynq.exceptions import ImproperlyConfigured, OperationalError
from asynq.worker import leases as room
from asynq.worker.leases import Leases
from tests.waiting import until

DELIVERY = Delivery(id="1", queue="q", body=b"")


class Keeper:
    """Counts renewals, and answers as told."""

    def __init__(self):
        self.renewed = threading.Event()
        self.lost = []
        self.away = None
        self.closed = False
        self.thread = None

    def renew(self):
        self.thread = threading.current_thread()
        self.renewed.set()
        if self.away:
            raise self.away
        lost, self.lost = self.lost, []
        return lost

    def close(self):
        self.closed = True


@pytest.fixture
async def kept():
    keeper = Keeper()
    leases = Leases(keeper, lease=0.3)
    lost = asyncio.Queue()
    yield keeper, leases, lost
    await leases.stop()


async def renewed(keeper):
    keeper.renewed.clear()
    assert await asyncio.to_thread(keeper.renewed.wait, 10)


async def test_leases_are_renewed_from_another_thread_while_the_loop_is_blocked(kept):
    keeper, leases, lost = kept
    leases.start(on_lost=lost.put_nowait)
    keeper.renewed.clear()
    time.sleep(0.5)  # noqa: ASYNC251 - the point of the test: the loop is blocked
    assert keeper.renewed.is_set()
    assert keeper.thread is not threading.current_thread()
    assert leases.trusted()


async def test_what_is_lost_is_told_in_the_loop(kept):
    keeper, leases, lost = kept
    keeper.lost = [DELIVERY]
    leases.start(on_lost=lost.put_nowait)
    async with asyncio.timeout(10):
        assert await lost.get() == [DELIVERY]


@pytest.mark.parametrize("error", [OperationalError("gone"), ImproperlyConfigured("no program")])
async def test_trust_runs_out_when_leases_can_not_be_renewed_and_comes_back(kept, error):
    keeper, leases, lost = kept
    keeper.away = error
    leases.start(on_lost=lost.put_nowait)
    assert leases.trusted()
    async with asyncio.timeout(10):
        while leases.trusted():
            await renewed(keeper)
    keeper.away = None
    await renewed(keeper)
    await renewed(keeper)
    assert leases.trusted()


async def test_trust_comes_back_only_after_what_was_lost_has_been_told(kept):
    keeper, leases, _ = kept
    told = asyncio.Queue()
    keeper.away = OperationalError("gone")
    leases.start(on_lost=lambda lost: told.put_nowait(leases.trusted()))
    while leases.trusted():
        await renewed(keeper)
    keeper.lost, keeper.away = [DELIVERY], None
    async with asyncio.timeout(10):
        assert await told.get() is False
        await until(leases.trusted)


async def test_a_blocked_loop_is_reported_with_the_line_that_blocks_it(kept, caplog):
    _, leases, lost = kept
    leases.start(on_lost=lost.put_nowait)
    with caplog.at_level(logging.WARNING, "asynq.worker"):
        time.sleep(2.5)  # noqa: ASYNC251 - the point of the test
    assert "The event loop has been blocked" in caplog.text
    assert "time.sleep(2.5)" in caplog.text
    assert caplog.text.count("File ") == 1


async def test_stopping_ends_the_thread_and_closes_the_connection(kept):
    keeper, leases, lost = kept
    leases.start(on_lost=lost.put_nowait)
    await leases.stop()
    assert keeper.closed
    assert "asynq-leases" not in [thread.name for thread in threading.enumerate()]


async def test_without_a_keeper_there_is_nothing_to_distrust():
    leases = Leases(None, lease=0.1)
    leases.start(on_lost=lambda lost: None)
    await asyncio.sleep(0.2)
    assert leases.trusted()
    await leases.stop()


async def test_a_long_outage_is_said_once_and_its_end_too(kept, caplog):
    keeper, leases, lost = kept
    keeper.away = OperationalError("gone")
    leases.start(on_lost=lost.put_nowait)
    for _ in range(5):
        await renewed(keeper)
    assert caplog.text.count("Can't renew the leases of running tasks: gone") == 1
    keeper.away = None
    await until(lambda: "Can renew the leases of running tasks again" in caplog.text)


@pytest.mark.parametrize(("patience", "ends"), [(0.1, True), (None, False), (60.0, False)])
async def test_a_loop_blocked_for_longer_than_any_task_may_run_ends_the_process(
    monkeypatch, patience, ends
):
    ended = threading.Event()
    monkeypatch.setattr(room, "WEDGED_SECONDS", 0.2)
    monkeypatch.setattr(room.os, "_exit", lambda code: ended.set())
    leases = Leases(None, lease=0.3, patience=lambda: patience)
    leases.start(on_lost=lambda lost: None)
    assert ended.wait(5 if ends else 1) is ends
    await leases.stop()


async def test_a_process_that_stood_still_was_not_blocked(monkeypatch):
    ended = []
    monkeypatch.setattr(room, "WEDGED_SECONDS", 5.0)
    monkeypatch.setattr(room.os, "_exit", ended.append)
    leases = Leases(None, lease=0.3, patience=lambda: 1.0)
    leases._looked -= 3600
    leases._end_if_wedged()
    assert not ended
