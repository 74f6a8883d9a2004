"""What an app's calls, workers and queues come to, as Prometheus reads it."""

import asyncio
import gc
import threading
import time
import urllib.request
import weakref

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from asynq import Asynq, Ignore, Reject, Worker
from asynq.brokers.base import Counts, Parcel
from asynq.contrib.prometheus import Exposed, Prometheus, metrics_of
from asynq.contrib.prometheus.families import ABOUT
from asynq.contrib.prometheus.lag import Lag
from asynq.contrib.prometheus.names import MOST, Names
from asynq.contrib.prometheus.queues import FRESH, QueueWatch
from asynq.contrib.prometheus.tally import Histogram
from asynq.exceptions import ImproperlyConfigured, OperationalError, Retry
from asynq.middleware import Middleware
from asynq.wire.message import Message, encode
from tests.waiting import until


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
async def metrics(app, registry):
    metrics = Prometheus(app, registry=registry)
    yield metrics
    metrics.close()


def value(registry, name, **labels):
    """What the registry says; None: it says nothing of that."""
    return registry.get_sample_value(name, labels)


def ended(registry, task, state):
    return value(registry, "asynq_tasks_total", task=task, state=state)


# What becomes of tasks


@pytest.mark.parametrize(
    ("raised", "state"),
    [(None, "success"), (KeyError("no"), "failure"), (Ignore(), "ignored"), (Reject(), "rejected")],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_tasks_are_counted_by_how_they_end(app, metrics, registry, raised, state):
    @app.task(name="ends")
    async def ends():
        if raised is not None:
            raise raised

    async with Worker(app):
        await ends.delay()
        await until(lambda: ended(registry, "ends", state) == 1)
    assert value(registry, "asynq_task_duration_seconds_count", task="ends") == 1


async def test_retries_are_counted_beside_the_end(app, metrics, registry):
    @app.task(name="again", bind=True)
    async def again(self):
        if self.request.retries < 2:
            raise Retry(when=0)

    @app.task(name="quiet", bind=True)
    async def quiet(self):
        if not self.request.retries:
            self.retry(countdown=0, throw=False)

    async with Worker(app):
        await again.delay().get(timeout=10)
        await quiet.delay()
        await until(lambda: ended(registry, "quiet", "success") == 1)
    assert ended(registry, "again", "retry") == 2
    assert ended(registry, "again", "success") == 1
    assert ended(registry, "quiet", "retry") == 1


async def test_what_was_revoked_and_what_can_not_run_is_counted(app, metrics, registry, broker):
    @app.task(name="unwanted")
    async def unwanted():
        return None

    result = await unwanted.delay()
    await result.revoke()
    message = encode(Message(task="who.knows"), "json")
    await broker.publish([Parcel(id="a", queue="default", body=b"nonsense")])
    await broker.publish([Parcel(id="b", queue="default", body=message)])
    async with Worker(app):
        await until(lambda: ended(registry, "unwanted", "revoked") == 1)
        await until(lambda: ended(registry, "other", "rejected") == 1)
        await until(lambda: ended(registry, "other", "unknown") == 1)
    assert b"who.knows" not in generate_latest(registry)


async def test_what_is_paused_is_not_called_unknown(app, metrics, registry):
    @app.task(name="later")
    async def later():
        return None

    await app.queues.pause_task("later")
    result = await later.delay()
    async with Worker(app):
        await until(lambda: ended(registry, "later", "parked") == 1)
        await app.queues.resume_task("later")
        await result.get(timeout=10)
    assert ended(registry, "other", "unknown") is None


async def test_waiting_and_running_are_timed(app, metrics, registry):
    gate = asyncio.Event()

    @app.task(name="holds")
    async def holds():
        await gate.wait()

    async with Worker(app, concurrency=1):
        await holds.delay()
        second = await holds.delay()
        began = time.monotonic()
        await until(lambda: time.monotonic() - began > 0.3)
        gate.set()
        await second.get(timeout=10)
        await until(lambda: ended(registry, "holds", "success") == 2)
    waits = "asynq_task_wait_seconds"
    assert value(registry, f"{waits}_count", queue="default") == 2
    assert value(registry, f"{waits}_bucket", queue="default", le="0.25") == 1
    assert 0.3 <= value(registry, f"{waits}_sum", queue="default") < 10
    assert 0.3 <= value(registry, "asynq_task_duration_seconds_sum", task="holds") < 10


def test_a_histogram_counts_a_bound_as_below_it():
    histogram = Histogram([0.1, 1.0])
    for seconds in (0.0, 0.1, 0.2, 1.0, 5.0):
        histogram.observe(seconds)
    assert histogram.cumulative() == [("0.1", 2.0), ("1.0", 4.0), ("+Inf", 5.0)]
    assert histogram.sum == pytest.approx(6.3)


# Calls


async def test_calls_are_counted_where_they_are_made(app, metrics, registry):
    @app.task(name="add")
    async def add(x, y):
        return x + y

    await add.delay(1, 2)
    await add.apply_async((1, 2), queue="other")
    await app.send_task("elsewhere")
    counted = "asynq_tasks_published_total"
    assert value(registry, counted, task="add", queue="default") == 1
    assert value(registry, counted, task="add", queue="other") == 1
    assert value(registry, counted, task="elsewhere", queue="default") == 1


async def test_a_call_that_does_not_arrive_is_a_failure(app, metrics, registry):
    class Refusing(Middleware):
        async def publish(self, outgoing, proceed):
            raise OperationalError("no")

    app.middleware.append(Refusing())
    with pytest.raises(OperationalError):
        await app.send_task("add")
    failed = "asynq_tasks_publish_failures_total"
    assert value(registry, failed, task="add", queue="default") == 1
    assert not value(registry, "asynq_tasks_published_total", task="add", queue="default")


async def test_names_without_end_become_one_label(app, metrics, registry):
    @app.task(name="known")
    async def known():
        return None

    for number in range(MOST + 20):
        await app.send_task(f"made.up.{number}", queue=f"q{number}")
    await known.delay()
    counted = "asynq_tasks_published_total"
    assert value(registry, counted, task="other", queue="other") == 20
    assert value(registry, counted, task="known", queue="default") == 1
    assert len(metrics._children) == MOST + 1


def test_the_first_names_stay():
    names = Names(lambda: {"known"})
    first = [names.label(f"n{number}") for number in range(MOST)]
    assert names.label("late") == "other"
    assert [names.label(name) for name in first] == first
    assert names.label("known") == "known"


# Queues


async def test_queues_are_shown_with_depth_and_age(app, metrics, registry, broker):
    await broker.publish([Parcel(id="a", queue="default", body=b"{}")])
    await broker.publish([Parcel(id="b", queue="default", body=b"{}", delay=3600)])
    since = (await broker.count("default")).oldest
    await until(lambda: time.time() > since + 0.05)
    body, kind = await metrics.exposition()
    assert kind.startswith("text/plain")
    found = {
        state: value(registry, "asynq_queue_messages", queue="default", state=state)
        for state in ("ready", "delayed", "parked", "running")
    }
    assert found == {"ready": 1, "delayed": 1, "parked": 0, "running": 0}
    assert 0.05 <= value(registry, "asynq_queue_oldest_age_seconds", queue="default") < 10
    assert value(registry, "asynq_queue_dead_letters", queue="default") == 0
    assert value(registry, "asynq_broker_up") == 1
    assert b'asynq_queue_messages{queue="default",state="ready"} 1.0' in body


async def test_an_empty_queue_has_no_age(app, metrics, registry):
    await metrics.exposition()
    assert value(registry, "asynq_queue_oldest_age_seconds", queue="default") == 0


async def test_queues_that_were_named_or_sent_to_are_shown(app, registry):
    metrics = Prometheus(app, registry=registry, queues=["named"])
    await app.send_task("a", queue="sent")
    await metrics.exposition()
    assert value(registry, "asynq_queue_messages", queue="sent", state="ready") == 1
    assert value(registry, "asynq_queue_messages", queue="named", state="ready") == 0


class Counting:
    """A broker that counts how often it is asked."""

    def __init__(self):
        self.asked = 0
        self.away = False
        self.gate = None

    async def buried_count(self, queue):
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise OperationalError("away")
        return self.asked

    async def count(self, queue):
        return Counts(ready=await self.buried_count(queue), oldest=990.0)


@pytest.fixture
def counting():
    return Counting()


@pytest.fixture
async def watch(counting):
    watch = QueueWatch(lambda: counting, lambda: ["q"], lambda: 1000.0)
    watch.use(asyncio.get_running_loop())
    return watch


async def test_many_scrapes_at_once_ask_the_server_once(watch, counting, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr("asynq.contrib.prometheus.queues.monotonic", lambda: now)
    await asyncio.gather(*(watch.ask() for _ in range(20)))
    await asyncio.gather(*(asyncio.to_thread(watch.answer) for _ in range(20)))
    assert counting.asked == 2  # depth, and dead letters
    now += FRESH + 0.01
    await asyncio.to_thread(watch.answer)
    assert counting.asked == 4


async def test_on_the_loop_nobody_waits_and_the_next_scrape_knows_more(watch, counting):
    counting.gate = asyncio.Event()
    assert watch.answer() is None
    counting.gate.set()
    await until(lambda: watch.answer() is not None)
    assert watch.answer().queues["q"].messages["ready"] > 0


async def test_one_loop_asks_also_where_another_thread_sends(app, metrics, registry):
    await metrics.exposition()

    async def send():
        async with app:  # whose connections are this loop's own
            await app.send_task("add")

    await asyncio.to_thread(asyncio.run, send())
    mine = asyncio.get_running_loop()
    assert metrics._watch._loop is mine
    body, _ = await metrics.exposition()
    assert b"asynq_broker_up 1.0" in body


async def test_a_loop_takes_over_from_one_that_has_ended(app, metrics, registry, monkeypatch):
    def scrape():
        body, _ = asyncio.run(metrics.exposition())
        return body

    assert b"asynq_broker_up 1.0" in await asyncio.to_thread(scrape)
    await app.send_task("add", queue="fresh")
    now = time.monotonic() + FRESH
    monkeypatch.setattr("asynq.contrib.prometheus.queues.monotonic", lambda: now)
    body, _ = await metrics.exposition()
    assert b'asynq_queue_messages{queue="fresh",state="ready"} 1.0' in body


async def test_a_server_that_is_away_is_shown_as_that(watch, counting):
    counting.away = True
    answer = await watch.ask()
    assert (answer.up, answer.queues) == (False, {})


async def test_an_age_is_of_the_brokers_clock_and_never_below_0(watch, counting):
    assert (await watch.ask()).queues["q"].oldest == 10.0
    behind = QueueWatch(lambda: counting, lambda: ["q"], lambda: 900.0)
    behind.use(asyncio.get_running_loop())
    assert (await behind.ask()).queues["q"].oldest == 0.0


async def test_what_is_old_is_not_shown_any_more(watch, counting, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr("asynq.contrib.prometheus.queues.monotonic", lambda: now)
    await watch.ask()
    watch.use(None)
    now += 100
    assert watch.answer().up
    now += 100
    assert watch.answer() is None


# Workers


async def test_a_worker_shows_its_slots_and_what_it_runs(app, metrics, registry):
    gate = asyncio.Event()

    @app.task(name="inner")
    async def inner():
        await gate.wait()

    @app.task(name="outer")
    async def outer():
        await inner.delay().get()

    gauge = "asynq_worker_{}".format
    assert value(registry, gauge("up")) is None
    async with Worker(app, concurrency=3, hostname="w@here") as worker:
        await until(worker.state.reached.is_set)
        await outer.delay()
        await until(lambda: value(registry, gauge("tasks_active")) == 2)
        await until(lambda: value(registry, gauge("slots_busy")) == 1)
        assert value(registry, gauge("slots")) == 3
        assert value(registry, gauge("up")) == value(registry, gauge("ready")) == 1
        assert value(registry, gauge("tasks_reserved")) == 0
        assert b'worker="w@here"' in generate_latest(registry)
        gate.set()
    assert value(registry, gauge("up")) is None
    assert ended(registry, "outer", "success") == 1


async def test_two_workers_in_a_program_are_shown_together(app, metrics, registry):
    async with Worker(app, concurrency=3), Worker(app, concurrency=4, queues="other"):
        await until(lambda: value(registry, "asynq_worker_slots") == 7)
        await metrics.exposition()
        for queue in ("default", "other"):
            assert value(registry, "asynq_queue_messages", queue=queue, state="ready") == 0


async def test_the_worker_of_another_app_is_not_shown(app, metrics, registry, namespace):
    async with Asynq(f"{namespace}-2", broker="memory://") as other, Worker(other) as worker:
        await until(worker.state.reached.is_set)
        assert value(registry, "asynq_worker_slots") is None


async def test_a_blocked_loop_is_seen_while_it_is_blocked():
    lag = Lag()
    looking = asyncio.create_task(lag.run())
    seen = []

    def look():
        # Until it sees it, or for ever: the loop waits for this thread.
        while not seen:
            worst = lag.worst()
            if worst > 0.4:
                seen.append(worst)

    await asyncio.sleep(0)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join(20)  # which blocks the loop
    looking.cancel()
    await asyncio.wait({looking})
    assert seen[0] > 0.4


async def test_a_lag_is_remembered_when_it_is_over(app, metrics, registry):
    async with Worker(app):
        await until(lambda: value(registry, "asynq_worker_event_loop_lag_seconds") is not None)
        time.sleep(0.8)  # noqa: ASYNC251
        lag = "asynq_worker_event_loop_lag_seconds"
        await until(lambda: value(registry, lag) > 0.3)


# The registry


async def test_the_exposition_is_what_prometheus_reads(app, metrics, registry):
    @app.task(name="add")
    async def add(x, y):
        return x + y

    async with Worker(app):
        await add.delay(1, 2).get(timeout=10)
        plain, _ = await metrics.exposition()
        accept = "application/openmetrics-text; version=1.0.0"
        opened, kind = await metrics.exposition(accept)
    assert kind.startswith("application/openmetrics-text")
    exported = {f.name for f in text_string_to_metric_families(plain.decode())}
    assert set(ABOUT) <= exported
    assert set(ABOUT) <= {f.name for f in open_metrics_families(opened.decode())}
    assert all(ABOUT.values())


def test_names_follow_the_conventions():
    for name in ABOUT:
        assert name.startswith("asynq_")
        assert not name.endswith(("_total", "_ms", "_count", "_sum"))


def test_one_registry_holds_one(app, metrics, registry, namespace):
    with pytest.raises(ImproperlyConfigured, match="asynq already"):
        Prometheus(app, registry=registry)
    assert app.middleware == [metrics]
    assert metrics_of(app) is metrics
    metrics.close()
    assert app.middleware == []
    assert generate_latest(registry) == b""
    Prometheus(app, registry=registry)


@pytest.mark.parametrize("buckets", [[], [1.0, 0.5], [1.0, 1.0]])
def test_buckets_must_ascend(app, registry, buckets):
    with pytest.raises(ImproperlyConfigured, match="ascending"):
        Prometheus(app, registry=registry, buckets=buckets)


def test_the_signals_do_not_keep_it(namespace):
    registry = CollectorRegistry()
    metrics = weakref.ref(Prometheus(Asynq(namespace, set_as_current=False), registry=registry))
    del registry
    gc.collect()
    assert metrics() is None


# Over HTTP


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


async def test_it_is_shown_over_http_also_while_the_loop_is_blocked(app, metrics):
    async with Worker(app), Exposed(metrics, port=0) as shown:
        assert shown.url.startswith("http://127.0.0.1:")
        assert "asynq_queue_messages{" in await asyncio.to_thread(fetch, shown.url)
        said = []
        thread = threading.Thread(target=lambda: said.append(fetch(shown.url)))
        thread.start()
        thread.join(20)  # which blocks the loop
        assert "asynq_worker_slots " in said[0]
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(fetch, shown.url)


async def test_a_port_that_is_taken_is_told(metrics):
    async with Exposed(metrics, port=0) as shown:
        port = int(shown.url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(ImproperlyConfigured, match=f"metrics_port 127.0.0.1:{port}"):
            async with Exposed(metrics, port=port):
                pass
