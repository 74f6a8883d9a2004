"""The worker as a whole: inside another program, in order from start to stop."""

import asyncio
import os

import pytest

from asynq import Asynq, signals
from asynq.brokers.memory import MemoryBroker
from asynq.exceptions import ImproperlyConfigured, OperationalError
from asynq.worker import ending, steps
from asynq.worker.worker import Worker
from tests.waiting import until

# Inside another program


async def test_inside_the_block_tasks_run_and_leaving_it_lets_them_end(app):
    begun, go = asyncio.Event(), asyncio.Event()

    @app.task
    async def lasts():
        begun.set()
        await go.wait()
        return "whole"

    async with Worker(app):
        result = await lasts.delay()
        await begun.wait()
        asyncio.get_running_loop().call_soon(go.set)
    assert await result.get(timeout=0) == "whole"


async def test_after_the_block_nothing_runs(app, broker):
    @app.task
    async def never():
        raise AssertionError

    async with Worker(app):
        pass
    await never.delay()
    assert await broker.depth("default") == 1
    assert await broker.workers() == {}


async def test_an_error_in_the_block_stops_it_too(app, broker):
    async def serve():
        async with Worker(app):
            await until(broker.workers)
            raise LookupError

    with pytest.raises(LookupError):
        await serve()
    assert await broker.workers() == {}


async def test_it_runs_once(app):
    worker = Worker(app)
    with pytest.raises(RuntimeError, match="has not been started"):
        await worker.wait()
    async with worker:
        pass
    with pytest.raises(RuntimeError, match="make another"):
        async with worker:
            pass


async def test_stop_ends_it_and_wait_tells(app):
    async with Worker(app) as worker:
        waiting = asyncio.create_task(worker.wait())
        worker.stop()
        async with asyncio.timeout(10):
            await waiting


async def test_it_starts_without_its_broker_and_works_once_that_is_there(own_server, namespace):
    server = own_server()
    server.stop()
    async with Asynq(namespace, broker=server.url, worker_lease=1.5) as app:

        @app.task
        async def add(x, y):
            return x + y

        async with Worker(app):
            server.start()
            assert await add.delay(1, 2).get(timeout=20) == 3


async def test_a_module_that_is_not_there_is_told_when_it_starts(namespace):
    async with Asynq(namespace, broker="memory://", include=["no.such.module"]) as app:
        with pytest.raises(ImproperlyConfigured, match=r"include names 'no\.such\.module'"):
            async with Worker(app):
                raise AssertionError("it has started")


# A crash of ours


@pytest.fixture
def crashing(app, monkeypatch):
    """A worker whose agent crashes when it is told to."""
    crash = asyncio.Event()

    async def upkeep(self, queues):
        await crash.wait()
        raise ZeroDivisionError("our mistake")

    monkeypatch.setattr(MemoryBroker, "upkeep", upkeep)
    return crash


async def test_a_crash_is_logged_at_once_and_raised_in_the_end(app, crashing, caplog):
    async def serve():
        async with Worker(app):
            crashing.set()
            await until(lambda: "The worker has crashed: our mistake" in caplog.text)

    with pytest.raises(ZeroDivisionError, match="our mistake"):
        await serve()
    assert "Traceback" in caplog.text
    assert {r.levelname for r in caplog.records if "crashed" in r.getMessage()} == {"CRITICAL"}


async def test_a_crash_ends_who_waits_for_the_worker(app, crashing):
    crashing.set()
    with pytest.raises(ZeroDivisionError):
        async with Worker(app) as worker:
            await worker.wait()


async def test_a_crash_cancels_what_runs_and_hands_it_back(app, broker, crashing):
    begun, cancelled = asyncio.Event(), asyncio.Event()

    @app.task
    async def lasts():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def serve():
        async with Worker(app):
            await lasts.delay()
            await begun.wait()
            crashing.set()
            await cancelled.wait()

    with pytest.raises(ZeroDivisionError):
        await serve()
    [delivery] = await broker.receive(["default"], limit=2, wait=1)
    assert delivery.redeliveries == 0


async def test_a_crash_of_configuration_is_logged_without_a_stack(app, monkeypatch, caplog):
    async def receive(self, *_, **__):
        raise ImproperlyConfigured("not like this")

    monkeypatch.setattr(MemoryBroker, "receive", receive)
    with pytest.raises(ImproperlyConfigured):
        async with Worker(app) as worker:
            await worker.wait()
    assert "The worker has crashed: not like this" in caplog.text
    assert "Traceback" not in caplog.text


# Slots


async def test_never_more_run_than_there_are_slots(app):
    running, most = 0, 0

    @app.task
    async def counted():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    async with Worker(app, concurrency=3):
        sent = [await counted.delay() for _ in range(50)]
        await asyncio.gather(*(result.get(timeout=10) for result in sent))
    assert most == 3


@pytest.mark.both_loops
async def test_with_one_slot_tasks_may_wait_for_each_other(app):
    @app.task
    async def depth_of(levels: int) -> int:
        if levels == 0:
            return 0
        below = await asyncio.gather(*(depth_of.delay(levels - 1).get() for _ in range(2)))
        return 1 + max(below)

    async with Worker(app, concurrency=1):
        assert await depth_of.delay(4).get(timeout=20) == 4


async def test_a_waiting_task_lends_one_slot_whatever_it_waits_for(app):
    running, most = 0, 0

    @app.task
    async def child():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    @app.task
    async def parent():
        await asyncio.gather(*(child.delay().get() for _ in range(20)))

    async with Worker(app, concurrency=2):
        await parent.delay().get(timeout=10)
    assert most == 2


async def test_a_task_in_a_thread_may_not_wait_for_another(app):
    @app.task
    async def child(): ...

    @app.task
    def parent():
        return asyncio.run(waits())

    async def waits():
        return await child.delay().get(timeout=5)

    async with Worker(app):
        with pytest.raises(RuntimeError, match="would hold its thread"):
            await parent.delay().get(timeout=10)


async def test_what_is_reserved_goes_back_unchanged_when_it_stops(app, broker):
    begun = asyncio.Event()

    @app.task
    async def lasts(number):
        begun.set()
        await asyncio.Event().wait()

    sent = [await lasts.delay(number) for number in range(4)]
    worker = Worker(app, concurrency=1, prefetch_multiplier=3, grace=0)
    async with worker:
        await begun.wait()
        assert len(worker.state.reserved) == 2
    back = await broker.receive(["default"], limit=9, wait=1)
    assert sorted(delivery.id for delivery in back) == sorted(result.id for result in sent)
    assert {delivery.redeliveries for delivery in back} == {0}


async def test_prefetch_1_takes_only_what_can_start_now(app, broker):
    begun = asyncio.Event()

    @app.task
    async def lasts():
        begun.set()
        await asyncio.Event().wait()

    for _ in range(3):
        await lasts.delay()
    worker = Worker(app, concurrency=1, prefetch_multiplier=1, grace=0)
    async with worker:
        await begun.wait()
        assert not worker.state.reserved
        assert len(await broker.receive(["default"], limit=9, wait=1)) == 2


# Stopping


async def test_what_does_not_end_in_the_grace_period_is_cancelled_and_goes_back(app, broker):
    begun, cancelled = asyncio.Event(), asyncio.Event()

    @app.task
    async def lasts():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with Worker(app, grace=0.01):
        result = await lasts.delay()
        await begun.wait()
    assert cancelled.is_set()
    assert await broker.depth("default") == 1
    assert await result.state in ("PENDING", "STARTED")


async def test_what_ignores_its_cancellation_is_left_behind_and_said(app, caplog, monkeypatch):
    monkeypatch.setattr(ending, "COLD_SECONDS", 0.05)
    begun, let_go = asyncio.Event(), asyncio.Event()

    @app.task(name="stubborn")
    async def stubborn():
        begun.set()
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    async with Worker(app, grace=0):
        await stubborn.delay()
        await begun.wait()
    assert "ignores its cancellation; it is left behind" in caplog.text
    let_go.set()


async def test_a_server_that_is_away_does_not_keep_it_from_stopping(
    own_server, namespace, caplog, monkeypatch
):
    monkeypatch.setattr(steps, "GOODBYE_SECONDS", 0.3)
    server = own_server()
    app = Asynq(namespace, broker=server.url, worker_lease=1.5, publish_timeout=0.5)
    async with app:
        async with asyncio.timeout(20):
            async with Worker(app) as worker:
                await worker.state.reached.wait()
                server.kill()
    assert "Leases will run out instead" in caplog.text


# Together


async def test_two_workers_in_one_process_share_the_queue(app, broker):
    @app.task(bind=True)
    async def who(self):
        await asyncio.sleep(0)
        return self.request.hostname

    async with (
        Worker(app, hostname="a@h", concurrency=1),
        Worker(app, hostname="b@h", concurrency=1),
    ):
        await until(broker.workers)
        sent = [await who.delay() for _ in range(40)]
        names = [await result.get(timeout=10) for result in sent]
        assert sorted(await broker.workers()) == ["a@h", "b@h"]
    assert set(names) == {"a@h", "b@h"}


@pytest.mark.both_loops
async def test_it_runs_on_both_loops_and_all_servers(url, namespace):
    async with Asynq(namespace, broker=url) as app:

        @app.task
        async def add(x: int, y: int) -> int:
            return x + y

        @app.task
        def double(x: int) -> int:
            return 2 * x

        async with Worker(app, concurrency=10):
            sums = await asyncio.gather(*(add.delay(n, n).get(timeout=20) for n in range(50)))
            doubles = await asyncio.gather(*(double.delay(n).get(timeout=20) for n in range(50)))
        assert sums == doubles == [2 * n for n in range(50)]
        assert await app.broker.depth("default") == 0
        assert await app.broker.workers() == {}


async def test_broker_and_backend_may_be_different_servers(own_server, namespace):
    jobs, results = own_server(), own_server()
    async with Asynq(namespace, broker=jobs.url, backend=results.url) as app:

        @app.task
        async def add(x, y):
            return x + y

        @app.task
        async def fail():
            raise LookupError("gone")

        async with Worker(app):
            sent = [await add.delay(n, 1) for n in range(30)]
            assert [await result.get(timeout=20) for result in sent] == list(range(1, 31))
            with pytest.raises(LookupError):
                await fail.delay().get(timeout=20)
        assert await app.broker.depth("default") == 0


async def test_its_connections_are_its_own(url, namespace):
    app = Asynq("proj", broker="memory://", backend=url, namespace=namespace)
    begun, go = asyncio.Event(), asyncio.Event()

    @app.task
    async def lasts():
        begun.set()
        await go.wait()
        return "whole"

    async with app, Worker(app):
        result = await lasts.delay()
        await begun.wait()
        await app.aclose()
        go.set()
        assert await result.get(timeout=10) == "whole"


async def test_a_result_backend_that_is_away_puts_the_end_off_and_loses_nothing(
    own_server, namespace, caplog
):
    jobs, results = own_server(), own_server(durable=True)
    settings = {"publish_timeout": 1.0, "worker_lease": 1.5}
    async with Asynq(namespace, broker=jobs.url, backend=results.url, **settings) as app:
        ran = []

        @app.task
        async def once():
            ran.append(1)
            return "done"

        async with Worker(app):
            result = await once.delay()
            assert await result.get(timeout=20) == "done"
            results.kill()
            result = await once.delay()
            await until(lambda: "Can't settle finished tasks" in caplog.text)
            assert await app.broker.depth("default") == 1
            results.start()

            async def settled():
                return await app.broker.depth("default") == 0

            await until(settled, within=30)
            assert await result.get(timeout=20) == "done"
        assert len(ran) == 2


async def test_a_lasting_task_is_seen_started_a_short_one_never(url, namespace):
    async with Asynq(namespace, broker=url) as app:
        go = asyncio.Event()

        @app.task(name="lasts")
        async def lasts():
            await go.wait()

        async with Worker(app, hostname="w@h"):
            result = await lasts.delay()

            async def is_started():
                return await result.state == "STARTED"

            await until(is_started)
            assert await result.worker == "w@h"
            go.set()
            await result.get(timeout=10)
            assert await result.state == "SUCCESS"


async def test_who_ran_what_is_kept_where_that_is_wanted(url, namespace):
    app = Asynq("proj", broker=url, namespace=namespace, result_extended=True)
    told = "name", "args", "kwargs", "queue", "worker"

    @app.task(name="add")
    async def add(x: int, y: int) -> int:
        return x + y

    async with app, Worker(app, hostname="w@here"):
        good, bad = await add.delay(4, y=4), await app.send_task("add", ("four", 4))
        assert await good == 8
        assert [await getattr(good, name) for name in told] == [
            *("add", "(4,)", "{'y': 4}", "default", "w@here")
        ]
        with pytest.raises(TypeError):
            await bad
        assert [await getattr(bad, name) for name in told] == [
            *("add", None, None, "default", "w@here")
        ]


async def test_results_are_kept_as_long_as_task_call_or_setting_say(url, server, namespace):
    async with Asynq(namespace, broker=url, result_expires=1000) as app:

        @app.task
        async def by_setting(): ...

        @app.task(result_expires=500)
        async def by_task(): ...

        async with Worker(app):
            for sending, seconds in (
                (by_setting.delay(), 1000),
                (by_task.delay(), 500),
                (by_task.apply_async(result_expires=200), 200),
            ):
                result = await sending
                await result.get(timeout=10)
                [key] = [
                    key for key in server.command("KEYS", "*") if result.id.encode() in _bytes(key)
                ]
                assert seconds - 60 < int(server.command("TTL", key)) <= seconds


def _bytes(key):
    return key if isinstance(key, bytes) else str(key).encode()


async def test_an_ignored_result_is_not_there_and_nobody_waits(url, namespace):
    async with Asynq(namespace, broker=url) as app:
        ran = asyncio.Event()

        @app.task(ignore_result=True)
        async def ignored():
            ran.set()

        async with Worker(app):
            result = await ignored.delay()
            assert await result.get() is None
            await ran.wait()
        assert await result.state == "PENDING"


# What it is told


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"concurrency": 0}, "concurrency must be at least 1, not 0"),
        ({"threads": 0}, "threads must be at least 1, not 0"),
        ({"prefetch_multiplier": 0}, "prefetch_multiplier must be at least 1, not 0"),
        ({"queues": []}, "no queue to serve"),
        ({"queues": ","}, "no queue to serve"),
    ],
)
async def test_what_can_not_be_is_told_at_once(app, options, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        Worker(app, **options)


async def test_settings_say_what_arguments_do_not(namespace):
    settings = {"worker_concurrency": 7, "worker_threads": 3, "worker_shutdown_grace": 2.5}
    app = Asynq(namespace, broker="memory://", **settings, task_queues=["a", "b"])
    worker = Worker(app)
    assert (worker.concurrency, worker.threads, worker.grace) == (7, 3, 2.5)
    assert worker.queues == ["a", "b"]
    worker = Worker(app, concurrency=1, threads=2, grace=0, queues="c, a,c", hostname="w@h")
    assert (worker.concurrency, worker.threads, worker.grace) == (1, 2, 0)
    assert (worker.queues, worker.hostname) == (["c", "a"], "w@h")
    assert Worker(app, exclude_queues="a").queues == ["b"]
    assert Worker(app, queues="c,a,b", exclude_queues=["a", "c"]).queues == ["b"]


async def test_only_its_queues_are_served(app, broker):
    @app.task
    async def where():
        return "here"

    async with Worker(app, queues="b"):
        there = await where.apply_async(queue="b")
        await where.apply_async(queue="a")
        assert await there.get(timeout=10) == "here"
    assert await broker.depth("a") == 1


async def test_being_ready_is_told_when_the_broker_has_answered(app, monkeypatch):
    answers, told = asyncio.Event(), asyncio.Event()
    announce, receive = MemoryBroker.announce, MemoryBroker.receive

    def when_it_answers(method):
        async def call(self, *args, **named):
            if not answers.is_set():
                raise OperationalError("gone")
            return await method(self, *args, **named)

        return call

    monkeypatch.setattr(MemoryBroker, "announce", when_it_answers(announce))
    monkeypatch.setattr(MemoryBroker, "receive", when_it_answers(receive))
    worker = Worker(app)
    running = asyncio.create_task(worker.run(on_ready=told.set))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not told.is_set()
    answers.set()
    async with asyncio.timeout(10):
        await told.wait()
    worker.stop()
    await running


# What it tells of itself


async def test_its_signals_tell_of_its_life(app):
    told = []

    def hear(name):
        async def heard(sender, **more):
            told.append((name, getattr(sender, "hostname", sender)))

        return heard

    names = ("worker_init", "worker_ready", "worker_shutting_down", "worker_shutdown")
    receivers = {name: hear(name) for name in names}
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver)
    try:
        async with Worker(app, hostname="w@here"):
            await until(lambda: len(told) == 2)
        assert told == [(name, "w@here") for name in names]
    finally:
        for name, receiver in receivers.items():
            getattr(signals, name).disconnect(receiver)


pooled = Asynq("tests.pooled_here", broker="memory://", set_as_current=False)


@pooled.task(pool="process")
def process_id():
    return os.getpid()


async def test_child_processes_are_replaced_as_the_settings_say():
    pooled.conf.worker_max_tasks_per_child = 2
    async with pooled, Worker(pooled, child_processes=1, hostname="w@h"):
        pids = [await process_id.delay().get(timeout=30) for _ in range(3)]
        told = await pooled.control.inspect(timeout=10).stats()
    assert pids[0] == pids[1] != pids[2]
    assert told["w@h"]["pool"]["max-tasks-per-child"] == 2
    assert told["w@h"]["pool"]["processes"] == [pids[2]]
