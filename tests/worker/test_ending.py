"""How runs end when their worker stops."""

import asyncio
import logging
from types import SimpleNamespace

import pytest

from asynq.execution.outcome import Interrupted
from asynq.worker import ending as room
from asynq.worker.ending import Ending
from asynq.worker.shutdown import Shutdown
from asynq.worker.state import WorkerState


class Active(SimpleNamespace):
    """A run that ends when it may, or when it is cancelled; a stubborn one when it may only."""

    def interrupt(self, reason, *, lost=False):
        self.cut_off = Interrupted(reason, lost=lost)
        self.handle.cancel()


@pytest.fixture
async def runs():
    """A worker's state, and what adds a run to it."""
    state, may = WorkerState("w@here"), asyncio.Event()

    async def run(active, stubborn):
        try:
            while not may.is_set():
                try:
                    await may.wait()
                except asyncio.CancelledError:
                    if not stubborn:
                        raise
        finally:
            state.active.pop(active.label, None)

    def add(label, *, stubborn=False):
        active = Active(label=label, cut_off=None)
        active.handle = asyncio.create_task(run(active, stubborn))
        state.active[label] = active
        return active

    yield SimpleNamespace(state=state, may=may, add=add)
    may.set()
    await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(room, "COLD_SECONDS", 0.05)


async def test_without_runs_it_is_over_at_once(runs):
    async with asyncio.timeout(5):
        await Ending(runs.state, Shutdown(), grace=60).end()


async def test_within_the_grace_they_end_by_themselves(runs):
    active = runs.add("a")
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(runs.may.set)
    await Ending(runs.state, Shutdown(), grace=60).end()
    assert (runs.state.active, active.cut_off) == ({}, None)


async def test_after_it_they_are_cancelled_and_go_back(runs, caplog):
    active, shutdown = runs.add("a"), Shutdown()
    await Ending(runs.state, shutdown, grace=0.01).end()
    assert (runs.state.active, active.cut_off) == ({}, Interrupted("the worker stops"))
    assert shutdown.cold.is_set()
    assert "Cancelling 1 tasks that still run" in caplog.text


async def test_a_cold_stop_does_not_wait_for_the_grace_to_pass(runs):
    runs.add("a")
    shutdown = Shutdown()
    ending = asyncio.create_task(Ending(runs.state, shutdown, grace=60).end())
    await asyncio.sleep(0)
    shutdown.cancel_running()
    async with asyncio.timeout(5):
        await ending
    assert runs.state.active == {}


async def test_one_that_will_not_end_is_left_behind_and_named(runs, caplog):
    active, ending = runs.add("proj.t[1]", stubborn=True), Ending(runs.state, Shutdown(), grace=0)
    await asyncio.sleep(0)
    await ending.end()
    await ending.abandon()
    assert active.cut_off == Interrupted("the worker has ended", lost=True)
    assert ("asynq.worker", logging.ERROR) in {(r.name, r.levelno) for r in caplog.records}
    assert "proj.t[1] ignores its cancellation; it is left behind" in caplog.text


async def test_where_an_agent_crashed_what_runs_is_no_longer_ours(runs):
    active = runs.add("a")
    await asyncio.sleep(0)
    await Ending(runs.state, Shutdown(), grace=60).abandon()
    assert (runs.state.active, active.cut_off.lost) == ({}, True)
