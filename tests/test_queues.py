"""`app.queues`, and what workers do with what is said there, on real servers."""

import asyncio

import pytest

from asynq import Asynq, Worker
from asynq.exceptions import ImproperlyConfigured, OptionValueError, QueueNotFound
from tests.waiting import until


@pytest.fixture
async def app(url, namespace):
    async with Asynq(
        namespace, broker=url, worker_lease=3.0, task_queues=["default", "images", "reports"],
        set_as_current=False,
    ) as app:  # fmt: skip
        yield app


async def seen(app, name):
    """The queue, as it is listed now."""
    (queue,) = [queue for queue in await app.queues.list() if queue.name == name]
    return queue


async def parked(app, count):
    """Are so many put aside?"""
    return (await seen(app, "default")).parked == count


class Gate:
    """A task that runs until it is let go; counts those that run."""

    def __init__(self, app):
        self.running = 0
        self.most = 0
        self.open = asyncio.Event()

        @app.task(name="gate.wait")
        async def wait(number):
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                await self.open.wait()
            finally:
                self.running -= 1
            return number

        @app.task(name="gate.free")
        async def free(number):
            return number

        self.wait, self.free = wait, free


@pytest.fixture
def gate(app):
    return Gate(app)


async def test_queues_are_listed_with_what_is_in_them(app, gate):
    await gate.free.apply_async((1,))
    await gate.free.apply_async((2,), queue="images", countdown=3600)
    await gate.free.apply_async((3,), queue="undeclared")
    queues = {queue.name: queue for queue in await app.queues.list()}
    assert sorted(queues) == ["default", "images", "reports", "undeclared"]
    default, images = queues["default"], queues["images"]
    assert (default.ready, default.delayed, default.running, default.dead) == (1, 0, 0, 0)
    assert (images.ready, images.delayed) == (0, 1)
    assert default.oldest is not None
    assert 0 <= default.age < 60
    assert (images.oldest, images.age) == (None, 0.0)
    assert (default.paused, default.limit, default.rate, default.workers) == (False, None, None, ())


async def test_it_is_told_who_serves_them_and_what_ends_in_a_second(app, gate):
    gate.open.set()
    async with Worker(app, queues="images", hostname="w@here") as worker:
        await worker.state.reached.wait()

        async def send():
            while True:
                await gate.wait.apply_async((1,), queue="images")
                await asyncio.sleep(0.002)

        sending = asyncio.create_task(send())
        queues = {queue.name: queue for queue in await app.queues.list(over=0.5)}
        sending.cancel()
        assert queues["images"].workers == ("w@here",)
        assert queues["images"].rate > 1
        assert queues["default"].workers == ()
        assert queues["default"].rate == 0


# Pausing a queue


async def test_nothing_begins_of_a_queue_that_is_paused_before_a_worker_starts(app, gate):
    await app.queues.pause("images")
    paused = await gate.free.apply_async((1,), queue="images")
    async with Worker(app, concurrency=2):
        assert await gate.free.apply_async((2,)).get(timeout=10) == 2
        assert await paused.state == "PENDING"
        assert [q.name for q in await app.queues.list() if q.paused] == ["images"]
        await app.queues.resume("images")
        assert await paused.get(timeout=10) == 1


async def test_a_worker_that_waits_is_told_of_a_pause_and_of_its_end(app, gate):
    async with Worker(app, concurrency=2, queues="images") as worker:
        assert await gate.free.apply_async((1,), queue="images").get(timeout=10) == 1
        await app.queues.pause("images")
        await until(lambda: worker.state.rules.paused == {"images"})
        paused = await gate.free.apply_async((2,), queue="images")
        # Another that takes nothing either: asked again, so that the first has had its chance.
        async with Worker(app, concurrency=2, queues="images,default"):
            assert await gate.free.apply_async((3,)).get(timeout=10) == 3
        assert await paused.state == "PENDING"
        await app.queues.resume("images")
        assert await paused.get(timeout=10) == 2


async def test_what_was_fetched_goes_back_when_its_queue_is_paused(app, gate):
    async with Worker(app, concurrency=1, queues="images") as worker:
        runs = await gate.wait.apply_async((1,), queue="images")
        others = [await gate.free.apply_async((n,), queue="images") for n in range(2, 5)]
        await until(lambda: len(worker.state.reserved) > 0)
        await app.queues.pause("images")

        async def given_back():
            queue = await seen(app, "images")
            return (queue.ready, queue.running) == (3, 1)

        await until(given_back)
        gate.open.set()
        assert await runs.get(timeout=10) == 1  # what runs goes on
        assert [await other.state for other in others] == ["PENDING"] * 3
        await app.queues.resume("images")
        assert [await other.get(timeout=10) for other in others] == [2, 3, 4]


async def test_a_queue_that_nobody_knows_is_no_queue_to_pause(app):
    for change in (app.queues.pause, app.queues.resume):
        with pytest.raises(QueueNotFound, match=r"no queue 'imges'.*Did you mean images\?"):
            await change("imges")
    with pytest.raises(QueueNotFound, match="Known: "):
        await app.queues.limit("zzz", 3)


# Pausing a task


async def test_a_paused_task_is_put_aside_and_lets_others_pass(app, gate):
    await app.queues.pause_task("gate.wait")
    paused = [await gate.wait.apply_async((n,)) for n in range(5)]
    assert await app.queues.paused_tasks() == {"gate.wait"}
    gate.open.set()
    async with Worker(app, concurrency=2):
        assert await gate.free.apply_async((9,)).get(timeout=10) == 9

        await until(lambda: parked(app, 5))
        assert gate.most == 0
        await app.queues.resume_task("gate.wait")
        assert [await one.get(timeout=10) for one in paused] == [0, 1, 2, 3, 4]
    assert await app.queues.paused_tasks() == frozenset()


async def test_what_was_put_aside_comes_back_where_no_worker_runs(app, gate):
    await app.queues.pause_task("gate.free", "gate.wait")
    free, wait = await gate.free.apply_async((1,)), await gate.wait.apply_async((2,))
    async with Worker(app):
        await until(lambda: parked(app, 2))
    await app.queues.resume_task("gate.free")
    queue = await seen(app, "default")
    assert (queue.ready, queue.parked) == (1, 1)
    async with Worker(app):
        assert await free.get(timeout=10) == 1
        assert await wait.state == "PENDING"


async def test_what_is_still_put_aside_after_the_end_of_the_pause_comes_back_too(app, gate):
    """By a worker that had not heard of it, and died before it did."""
    await app.queues.pause_task("gate.free")
    late = await gate.free.apply_async((1,))
    async with Worker(app):
        await until(lambda: parked(app, 1))
    await app.broker.set_rule("task-paused:gate.free", None)
    async with Worker(app):
        assert await late.get(timeout=10) == 1


async def test_a_name_that_can_be_no_tasks_is_refused(app):
    with pytest.raises(ImproperlyConfigured):
        await app.queues.pause_task("not a name\n")


# Limits


async def test_no_more_run_at_once_than_the_limit_on_all_workers_together(app, gate):
    await app.queues.limit("reports", 3)
    async with (
        Worker(app, concurrency=10, hostname="a@here") as one,
        Worker(app, concurrency=10, hostname="b@here") as two,
    ):
        sent = [await gate.wait.apply_async((n,), queue="reports") for n in range(12)]
        other = await gate.free.apply_async((99,))
        assert await other.get(timeout=10) == 99
        await until(lambda: gate.running == 3)
        gate.open.set()
        assert [await one.get(timeout=20) for one in sent] == list(range(12))
        assert gate.most == 3
        assert one.state.totals["gate.wait"] + two.state.totals["gate.wait"] == 12


async def test_a_limit_is_changed_while_they_run(app, gate):
    await app.queues.limit("reports", 1)
    async with Worker(app, concurrency=10):
        sent = [await gate.wait.apply_async((n,), queue="reports") for n in range(6)]
        await until(lambda: gate.running == 1)
        await app.queues.limit("reports", 4)
        await until(lambda: gate.running == 4)
        await app.queues.limit("reports", None)
        await until(lambda: gate.running == 6)
        gate.open.set()
        assert [await one.get(timeout=10) for one in sent] == list(range(6))
    assert [q.limit for q in await app.queues.list()] == [None] * 3


async def test_of_a_limited_queue_none_is_kept_waiting_for_a_slot(app, gate):
    """One worker without a free slot must not keep what another could run."""
    await app.queues.limit("reports", 2)
    async with Worker(app, concurrency=1, hostname="a@here") as busy:
        blocking = await gate.wait.apply_async((0,))
        await until(lambda: gate.running == 1)
        report = await gate.free.apply_async((1,), queue="reports")
        async with Worker(app, concurrency=1, hostname="b@here"):
            assert await report.get(timeout=10) == 1
        assert not busy.state.reserved
        gate.open.set()
        assert await blocking.get(timeout=10) == 0


@pytest.mark.parametrize("most", [0, -1, True, 2.5, "3"])
async def test_a_limit_is_a_number_from_one(app, most):
    with pytest.raises(OptionValueError, match="expected a number from 1"):
        await app.queues.limit("reports", most)


async def test_watching_for_less_than_no_time_is_refused(app):
    with pytest.raises(OptionValueError, match="expected seconds"):
        await app.queues.list(over=-1)
