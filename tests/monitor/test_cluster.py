"""What the live screen and the web page know, and can do, on real servers."""

import asyncio

import pytest

from asynq import Asynq, Reject, Worker, chain
from asynq.exceptions import OptionValueError
from asynq.monitor import Cluster
from asynq.monitor.detail import look, retry
from tests.waiting import until


@pytest.fixture
async def app(url, namespace):
    async with Asynq(
        namespace, broker=url, worker_send_task_events=True, task_queues=["default", "images"],
        set_as_current=False,
    ) as app:  # fmt: skip

        @app.task(name="add")
        async def add(x, y=0):
            return x + y

        @app.task(name="fail")
        async def fail(*args):
            raise LookupError("nobody knows")

        @app.task(name="put_aside")
        async def put_aside():
            raise Reject("no lamp in stock")

        yield app


@pytest.fixture
async def cluster(app):
    cluster = Cluster(app, every=0.05)
    following = asyncio.create_task(cluster.run())
    await cluster.loaded.wait()
    yield cluster
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def seen(cluster, id, state):
    """The task, when it is in that state."""
    await until(lambda: id in cluster.state.tasks and cluster.state.tasks[id].state == state)
    return cluster.state.tasks[id]


async def test_tasks_workers_and_queues_are_followed(app, cluster):
    async with Worker(app, hostname="w@here"):
        result = await app.send_task("add", (1, 2))
        task = await seen(cluster, result.id, "SUCCESS")
        assert (task.name, task.args, task.result, task.worker) == ("add", "(1, 2)", "3", "w@here")
        await until(lambda: list(cluster.alive) == ["w@here"])
        await until(lambda: cluster.events_are_told)
        assert [queue.name for queue in cluster.queues] == ["default", "images"]
        await until(lambda: all(queue.rate is not None for queue in cluster.queues))
    await until(lambda: not cluster.alive)


async def test_what_was_before_is_known(app):
    async with Worker(app):
        result = await app.send_task("add", (1, 2))
        await result.get(timeout=10)
    cluster = Cluster(app)
    following = asyncio.create_task(cluster.run())
    await cluster.loaded.wait()
    assert cluster.state.tasks[result.id].state == "SUCCESS"
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_pause_is_seen_at_once(app, cluster):
    await app.queues.pause("images")
    await app.queues.pause_task("add")
    cluster.look()
    await until(lambda: [queue.paused for queue in cluster.queues] == [False, True])
    assert cluster.paused_tasks == {"add"}


async def test_a_task_is_shown_with_all_there_is(app, cluster):
    async with Worker(app):
        result = await app.send_task("fail", (1,))
        task = await seen(cluster, result.id, "FAILURE")
        detail = await look(app, result.id, task)
    assert (detail.state, detail.is_over, detail.letter) == ("FAILURE", True, None)
    assert "nobody knows" in detail.result
    assert "LookupError" in detail.traceback
    assert [attempt.state for attempt in detail.attempts] == ["FAILURE"]


async def test_a_task_is_shown_with_its_workflow(app, cluster):
    add = app.tasks["add"]
    async with Worker(app):
        result = await chain(add.s(1, 2), add.s(3))()
        assert await result.get(timeout=10) == 6
        task = await seen(cluster, result.id, "SUCCESS")
        detail = await look(app, result.id, task)
    assert detail.workflow is not None
    assert detail.workflow.workflow == result.workflow_id


async def test_a_task_that_is_not_known_is_shown_so(app):
    detail = await look(app, "unknown", None)
    assert (detail.state, detail.result, detail.workflow) == ("PENDING", None, None)


# Retrying


async def test_a_dead_letter_goes_back(app, cluster):
    async with Worker(app):
        result = await app.send_task("put_aside")

        async def put_aside():
            return await app.dead.find(result.id)

        await until(put_aside)
        assert (await look(app, result.id, None)).letter.id == result.id
        assert await retry(app, result.id, None) == "The dead letter is back in its queue."


async def test_what_waits_for_its_time_runs_now(app, cluster):
    result = await app.send_task("add", (1,), countdown=3600)
    assert await retry(app, result.id, None) == "It runs now, rather than when it was to."
    async with Worker(app):
        assert await result.get(timeout=10) == 1


async def test_what_is_over_is_called_again(app, cluster):
    async with Worker(app):
        result = await app.send_task("add", ("a",), {"y": "b"}, queue="images")
        task = await seen(cluster, result.id, "SUCCESS")
        told = await retry(app, result.id, task)
        again = told.removeprefix("Called again, as ").rstrip(".")
        assert await app.AsyncResult(again).get(timeout=10) == "ab"
        assert (await seen(cluster, again, "SUCCESS")).queue == "images"


async def test_what_was_not_told_in_full_is_not_called_again(app, cluster):
    async with Worker(app):
        result = await app.send_task("fail", ("x" * 10_000,))
        task = await seen(cluster, result.id, "FAILURE")
        with pytest.raises(OptionValueError, match="do not tell its arguments in full"):
            await retry(app, result.id, task)


async def test_what_is_not_over_is_not_called_again(app):
    with pytest.raises(OptionValueError, match="nothing to retry"):
        await retry(app, "unknown", None)
