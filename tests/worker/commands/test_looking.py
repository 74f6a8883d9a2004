"""What `inspect` tells of a worker's tasks, in Celery's shape."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from asynq._time import time
from tests.waiting import until


@pytest.fixture
async def full(hang, worker):
    """Two tasks run, and two wait for a slot; their ids."""
    ids = [(await hang.delay(number)).id for number in range(4)]
    await until(lambda: len(worker.state.active) == len(worker.state.reserved) == 2)
    return ids


async def test_active_is_what_runs(say, full, hang):
    told = sorted(await say("active"), key=lambda task: task["args"])
    assert [task["id"] for task in told] == full[:2]
    task = told[1]
    assert time() - 10 < task.pop("time_start") <= time()
    assert task == {
        "id": full[1],
        "name": hang.name,
        "args": [1],
        "kwargs": {},
        "type": hang.name,
        "hostname": "w@h",
        "acknowledged": False,
        "delivery_info": {
            "exchange": "",
            "routing_key": "default",
            "priority": 0,
            "redelivered": False,
        },
        "worker_pid": os.getpid(),
    }


async def test_reserved_is_what_has_not_begun(say, full):
    told = await say("reserved")
    assert [(task["id"], task["args"]) for task in told] == [(full[2], [2]), (full[3], [3])]
    assert {(task["time_start"], task["worker_pid"]) for task in told} == {(None, None)}


async def test_idle_is_an_empty_list(say):
    assert await say("active") == await say("reserved") == await say("scheduled") == []


async def test_scheduled_is_what_waits_for_its_time_the_next_first(say, hang):
    now = datetime.now(UTC)
    later = await hang.apply_async((2,), eta=now + timedelta(seconds=200), priority=9)
    sooner = await hang.apply_async((1,), eta=now + timedelta(seconds=100))
    await hang.apply_async((3,), countdown=50, queue="elsewhere")
    told = await say("scheduled")
    assert [each["request"]["id"] for each in told] == [sooner.id, later.id]
    assert [each["request"]["args"] for each in told] == [[1], [2]]
    assert [each["priority"] for each in told] == [0, 9]
    assert datetime.fromisoformat(told[0]["eta"]) == now + timedelta(seconds=100)
    assert len(await say("scheduled", limit=1)) == 1


async def test_revoked_is_what_the_server_remembers(app, say):
    await app.control.revoke(["a"], ttl=10)
    await app.control.revoke(["b"], ttl=20)
    assert await say("revoked") == ["b", "a"]


async def test_registered_are_the_tasks_with_options(app, say, hang):
    @app.task(rate_limit="10/s", name="limited")
    async def limited(): ...

    assert await say("registered") == sorted([hang.name, "limited"])
    told = await say("registered", attributes=["rate_limit", "max_retries"])
    assert "limited [rate_limit=10/s max_retries=3]" in told
    assert f"{hang.name} [max_retries=3]" in told


async def test_active_queues_are_those_it_serves(say):
    [queue] = await say("active_queues")
    assert (queue["name"], queue["routing_key"]) == ("default", "default")


async def test_a_task_is_found_by_its_id(say, full):
    told = await say("query_task", ids=[full[0], full[3], "other"])
    assert {id: (state, task["args"]) for id, (state, task) in told.items()} == {
        full[0]: ("active", [0]),
        full[3]: ("reserved", [3]),
    }


async def test_large_arguments_are_cut_short(say, hang, worker):
    await hang.delay("x" * 100_000)
    await until(lambda: worker.state.active)
    [task] = await say("active")
    assert 900 < len(task["args"]) <= 1024


async def test_a_message_that_will_be_refused_says_why_not(app, say, full):
    await app.send_task("nobody.knows")
    await until(lambda: _reserved(say, "nobody.knows"))


async def _reserved(say, name):
    return any(
        task["name"] == name and "no task 'nobody.knows'" in task["why_not"]
        for task in await say("reserved")
    )
