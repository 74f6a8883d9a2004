"""The driver of the benchmarks, on producers that only keep what they are given."""

import asyncio
import threading

import pytest

from benchmarks.drive import FromCoroutines, FromThreads


class Blocking:
    """A producer that is called from threads."""

    def __init__(self):
        self.sent = []
        self.waited = 0
        self.state = "new"
        self._lock = threading.Lock()

    def open(self):
        self.state = "open"

    def close(self):
        self.state = "closed"

    def send(self, task, number):
        assert self.state == "open"
        with self._lock:
            self.sent.append((task, number))
        return number

    def wait(self, handle):
        with self._lock:
            self.waited += 1


class Awaited(Blocking):
    """A producer that is called from coroutines."""

    async def open(self):
        super().open()

    async def close(self):
        super().close()

    async def send(self, task, number):
        await asyncio.sleep(0)
        return super().send(task, number)

    async def wait(self, handle):
        super().wait(handle)


@pytest.fixture(params=[(FromCoroutines, Awaited), (FromThreads, Blocking)], ids=["async", "sync"])
def driver(request):
    kind, producer = request.param
    return kind(producer(), "noop")


def test_a_fill_sends_each_number_once(driver):
    figures = driver.run(lambda: driver.fill(4_500))
    assert sorted(driver.producer.sent) == [
        ("noop", at % 2_000 + at // 2_000 * 2_000) for at in range(4_500)
    ]
    assert figures["count"] == 4_500
    assert figures["seconds"] > 0
    assert driver.producer.state == "closed"


def test_calls_are_counted_without_the_one_that_gets_warm(driver):
    for job in (driver.enqueue_one, driver.enqueue_many):
        driver.producer.sent.clear()
        figures = driver.run(lambda job=job: job(30))
        assert figures["count"] == 30
        assert figures["cpu"] > 0
        assert len(driver.producer.sent) == 31


def test_round_trips_are_timed_one_by_one(driver):
    figures = driver.run(lambda: driver.round_trips(7))
    assert len(figures["trips"]) == 7
    assert driver.producer.waited == 8


def test_clients_share_the_round_trips(driver):
    figures = driver.run(lambda: driver.clients(40, 8))
    assert figures["count"] == 40
    assert driver.producer.waited == 41
    assert figures["p50"] <= figures["p95"] <= figures["p99"]


def test_a_producer_is_closed_when_a_call_fails(driver):
    driver.producer.wait = None
    with pytest.raises(TypeError):
        driver.run(lambda: driver.round_trips(1))
    assert driver.producer.state == "closed"


def test_a_call_for_many_is_taken_where_a_system_has_one():
    class Many(Blocking):
        def send_many(self, task, numbers):
            self.sent.append((task, numbers))

    driver = FromThreads(Many(), "nap")
    driver.run(lambda: driver.fill(2_001))
    assert driver.producer.sent == [("nap", range(2_000)), ("nap", range(2_000, 2_001))]


def test_no_more_calls_are_concurrent_than_a_system_can_bear():
    class Narrow(Awaited):
        at_a_time = 3
        now = most = 0

        async def send(self, task, number):
            self.now += 1
            self.most = max(self.most, self.now)
            await super().send(task, number)
            self.now -= 1

    driver = FromCoroutines(Narrow(), "noop")
    driver.run(lambda: driver.fill(20))
    assert driver.producer.most == 3
    assert len(driver.producer.sent) == 20
