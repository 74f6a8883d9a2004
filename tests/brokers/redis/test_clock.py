from __future__ import annotations

import pytest

from asynq import _time
from asynq.brokers.redis.broker import RedisBroker
from asynq.brokers.redis.clock import Clock
from tests.brokers.redis.conftest import Connect, Looker, parcel


class Times:
    """This machine's clocks, as the test sets them."""

    def __init__(self) -> None:
        self.monotonic = 100.0
        self.wall = 5_000.0


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    times = Times()
    monkeypatch.setattr(_time, "monotonic", lambda: times.monotonic)
    monkeypatch.setattr(_time, "time", lambda: times.wall)
    return times


def test_before_any_answer_it_is_the_machines_own(times: Times):
    clock = Clock()
    times.wall = 7_000.0
    assert clock.now() == 7_000.0


def test_after_an_answer_it_goes_on_with_the_server_whatever_the_machine_says(times: Times):
    clock = Clock()
    clock.heard(1_000_000, asked=100.0)
    assert clock.now() == pytest.approx(1_000.0, abs=0.001)
    times.wall += 3600
    times.monotonic += 10
    assert clock.now() == pytest.approx(1_010.0, abs=0.001)


def test_a_quick_answer_is_not_spoilt_by_slow_ones(times: Times):
    clock = Clock()
    clock.heard(1_000_000, asked=100.0)
    for _ in range(10):
        times.monotonic += 4  # asked at the beginning, answered in the first moment
        clock.heard(round((times.monotonic + 900 - 4) * 1000), asked=times.monotonic - 4)
    assert clock.now() == pytest.approx(times.monotonic + 900, abs=0.03)


def test_a_slow_answer_is_better_than_none(times: Times):
    clock = Clock()
    clock.heard(1_000_000, asked=98.0)
    assert clock.now() == pytest.approx(1_001.0, abs=0.01)
    clock.heard(b"1000000", asked=99.9)
    assert clock.now() == pytest.approx(1_000.05, abs=0.01)


def test_a_server_whose_clock_was_set_is_followed(times: Times):
    clock = Clock()
    clock.heard(1_000_000, asked=100.0)
    times.monotonic += 1
    clock.heard(2_000_000, asked=101.0)
    assert clock.now() == pytest.approx(2_000.0, abs=0.001)


async def test_a_worker_knows_the_servers_time(
    connect: Connect, look: Looker, monkeypatch: pytest.MonkeyPatch
):
    wrong = _time.time() + 3600
    receiving, announcing, mute = connect(), connect(), connect()
    moving = connect()
    monkeypatch.setattr(_time, "time", lambda: wrong)
    await receiving.receive(["q"], limit=1, wait=0)
    await announcing.announce("w", b"", ttl=5.0)
    await moving.publish([parcel(delay=0.001)])
    await moving.receive(["q"], limit=1, wait=5.0)
    await mute.depth("q")
    seconds, micros = look.command("TIME")
    told = int(seconds) + int(micros) / 1e6
    assert mute.now() == wrong
    for broker in (receiving, announcing, moving):
        assert broker.now() == pytest.approx(told, abs=0.5)


async def test_it_is_close_on_one_machine(broker: RedisBroker):
    await broker.receive(["q"], limit=1, wait=0)
    assert broker.now() == pytest.approx(_time.time(), abs=0.5)
