"""Three stages, each more pressing than the one before."""

import asyncio
import os
import signal

import pytest

from asynq.worker import shutdown as room
from asynq.worker.shutdown import HARD_EXIT_CODE, Shutdown


@pytest.fixture
def left(monkeypatch):
    """The exit codes it would have left with."""
    left = []
    monkeypatch.setattr(room.os, "_exit", left.append)
    return left


def test_first_warm_then_cold_then_out(left, caplog):
    shutdown = Shutdown()
    assert not shutdown.warm.is_set()
    shutdown.next_stage()
    assert (shutdown.warm.is_set(), shutdown.cold.is_set()) == (True, False)
    shutdown.next_stage()
    assert (shutdown.cold.is_set(), left) == (True, [])
    shutdown.next_stage()
    assert left == [HARD_EXIT_CODE]
    assert [message.split(":")[0] for message in caplog.messages] == [
        "Warm shutdown",
        "Cold shutdown",
        "Hard shutdown",
    ]


@pytest.mark.both_loops
@pytest.mark.parametrize(
    ("number", "stages"),
    [
        (signal.SIGTERM, (True, False)),
        (signal.SIGINT, (True, False)),
        (signal.SIGQUIT, (True, True)),
        (signal.SIGHUP, (True, False)),
    ],
)
async def test_signals_set_the_stages(number, stages):
    shutdown = Shutdown()
    before = signal.getsignal(number)
    with shutdown.on_signals():
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await shutdown.warm.wait()
    assert (shutdown.warm.is_set(), shutdown.cold.is_set()) == stages
    assert signal.getsignal(number) in (before, signal.SIG_DFL, signal.default_int_handler)


def test_a_signal_and_its_echo_are_one(left, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(room, "monotonic", lambda: now[0])
    shutdown = Shutdown()
    for seconds, stages in [(0, (True, False)), (0.01, (True, False)), (1, (True, True))]:
        now[0] += seconds
        shutdown.heed()
        assert (shutdown.warm.is_set(), shutdown.cold.is_set()) == stages
    shutdown.heed()
    assert left == []


def test_a_hangup_that_comes_twice_cancels_nothing(left):
    shutdown = Shutdown()
    shutdown.begin_warm()
    shutdown.begin_warm()
    assert (shutdown.warm.is_set(), shutdown.cold.is_set(), left) == (True, False, [])


@pytest.fixture
def under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.both_loops
@pytest.mark.usefixtures("under_nohup")
async def test_under_nohup_a_hangup_is_ignored():
    shutdown = Shutdown()
    with shutdown.on_signals():
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await shutdown.warm.wait()
    assert not shutdown.cold.is_set()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
