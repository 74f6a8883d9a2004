"""What `control` changes in a worker that runs."""

import asyncio

import pytest

from asynq import TaskRevokedError, TimeLimitExceeded
from tests.waiting import until


async def test_more_slots_have_more_running_and_fewer_have_fewer(say, hang, worker, gate):
    for number in range(4):
        await hang.delay(number)
    await until(lambda: len(worker.state.active) == 2)
    assert await say("pool_grow", n=2) == {"ok": "pool will grow"}
    await until(lambda: len(worker.state.active) == 4)
    assert await say("pool_shrink", n=3) == {"ok": "pool will shrink"}
    assert len(worker.state.active) == 4  # what runs goes on
    results = [await hang.delay(number) for number in range(4)]
    gate.set()
    await asyncio.gather(*(result.get(timeout=10) for result in results))
    stats = await say("stats")
    assert (stats["pool"]["max-concurrency"], stats["pool"]["free-slots"]) == (1, 1)


@pytest.mark.parametrize(("command", "n"), [("pool_shrink", 2), ("pool_grow", 0)])
async def test_there_is_at_least_one_slot(say, command, n):
    assert "expected how many slots" in (await say(command, n=n))["error"]


async def test_events_are_switched_on_and_off(app, say, hang, gate, worker):
    gate.set()
    assert await say("enable_events") == {"ok": "task events enabled"}
    assert await say("enable_events") == {"ok": "task events already enabled"}
    async with app.events("task-succeeded", "worker-heartbeat") as events:
        assert await say("heartbeat") == {"ok": "announced"}
        result = await hang.delay(1)
        told = [await events.next(10), await events.next(10)]
    assert {event["type"] for event in told} == {"worker-heartbeat", "task-succeeded"}
    assert result.id in {event.get("uuid") for event in told}
    assert await say("disable_events") == {"ok": "task events disabled"}
    assert await say("disable_events") == {"ok": "task events already disabled"}


async def test_a_queue_is_served_and_is_not_any_more(app, say, hang, gate):
    gate.set()
    assert await say("add_consumer", queue="foo") == {"ok": "add consumer foo"}
    assert await say("add_consumer", queue="foo") == {"ok": "already consuming from 'foo'"}
    assert await hang.apply_async((1,), queue="foo").get(timeout=10) == 1
    assert sorted(queue["name"] for queue in await say("active_queues")) == ["default", "foo"]
    assert await say("cancel_consumer", queue="foo") == {"ok": "no longer consuming from foo"}
    assert await say("cancel_consumer", queue="foo") == {"ok": "was not consuming from foo"}
    left = await hang.apply_async((2,), queue="foo")
    assert await hang.delay(3).get(timeout=10) == 3
    assert await app.broker.depth("foo") == 1
    assert await left.state == "PENDING"


async def test_what_was_fetched_of_a_queue_goes_back_with_it(app, say, hang, worker):
    for number in range(3):
        await hang.delay(number)
    await until(lambda: len(worker.state.active) == 2 and worker.state.reserved)
    await say("add_consumer", queue="foo")
    await say("cancel_consumer", queue="default")
    assert not worker.state.reserved
    assert await app.broker.depth("default") == 3
    assert len(worker.state.active) == 2


async def test_a_rate_limit_is_set_and_lifted(app, say, hang):
    assert await say("rate_limit", task_name=hang.name, rate_limit="10/m") == {
        "ok": "new rate limit set successfully"
    }
    assert hang.terms.rate_limit == pytest.approx(1 / 6)
    assert await say("rate_limit", task_name=hang.name, rate_limit=0) == {
        "ok": "rate limit disabled successfully"
    }
    assert hang.terms.rate_limit is None
    assert "unknown task: 'x'" in (await say("rate_limit", task_name="x", rate_limit=1))["error"]
    wrong = await say("rate_limit", task_name=hang.name, rate_limit="often")
    assert "Invalid rate limit string: 'often'" in wrong["error"]


async def test_time_limits_hold_for_runs_that_begin_later(app, say, hang):
    before = await hang.delay(1)
    assert await say("time_limit", task_name=hang.name, soft=None, hard=0.05) == {
        "ok": "time limits set successfully"
    }
    with pytest.raises(TimeLimitExceeded):
        await hang.delay(2).get(timeout=10)
    assert await before.state != "FAILURE"
    assert "unknown task" in (await say("time_limit", task_name="x", hard=1))["error"]


async def test_revoking_with_answers_says_what_was_held(app, hang, worker):
    results = [await hang.delay(number) for number in range(3)]
    await until(lambda: len(worker.state.active) == 2 and worker.state.reserved)
    ids = [results[0].id, results[2].id]
    answers = await app.control.revoke(ids, terminate=True, wait=True, timeout=10)
    told = answers["w@h"]
    assert (told["active"], told["reserved"]) == ([ids[0]], [ids[1]])
    assert told["ok"].endswith("terminated")
    for result in (results[0], results[2]):
        with pytest.raises(TaskRevokedError):
            await result.get(timeout=10)


async def test_child_processes_are_replaced_when_their_task_has_ended(app, say):
    told = await say("pool_restart")
    assert told["ok"].startswith("child processes: 0 replaced now, 0 when their task has ended")


async def test_the_number_of_slots_may_be_left_to_the_worker(say):
    assert await say("autoscale", max=10, min=4) == {"ok": "autoscale now max=10 min=4"}
    stats = await say("stats")
    assert (stats["pool"]["autoscale"], stats["pool"]["max-concurrency"]) == ([10, 4], 4)
    assert "1 <= MIN <= MAX" in (await say("autoscale", max=1, min=3))["error"]


async def test_it_announces_itself_when_it_is_told_to(app, say):
    before = (await app.broker.workers())["w@h"]
    assert await say("heartbeat") == {"ok": "announced"}
    assert (await app.broker.workers())["w@h"] != before


async def test_it_is_stopped_warmly(app, say, hang, worker, gate):
    result = await hang.delay(7)
    await until(lambda: worker.state.active)
    assert await say("shutdown") == {"ok": "shutting down"}
    gate.set()
    await worker.wait()
    assert worker.shut_down
    assert await result.get(timeout=10) == 7
    assert await app.broker.workers() == {}
