"""`asynq queues`: seeing them, pausing and limiting them."""

import asyncio
import json

import pytest


@pytest.fixture
def asynq(project):
    """`asynq -A shop …`."""
    return lambda *words, **options: project.run("-A", "shop", *words, **options)


@pytest.fixture
def sent(project):
    """Two calls that wait, and one that waits for its time."""

    async def send():
        async with project.app as app:
            add = app.tasks["shop.add"]
            await add.delay(1, 1)
            await add.delay(1, 2)
            await add.apply_async((1, 3), countdown=3600)

    asyncio.run(send())


def row(ran, name):
    """What is told of a queue, without the blanks."""
    return next(line.split() for line in ran.out.splitlines() if line.startswith(name))


def test_queues_are_shown(asynq, sent):
    shown = asynq("queues", "--over", "0")
    assert shown.out.splitlines()[0].split() == [
        "QUEUE", "READY", "DELAYED", "RUNNING", "OLDEST", "PER", "SECOND", "DEAD", "WORKERS",
        "STATE",
    ]  # fmt: skip
    assert row(shown, "default") == ["default", "2", "1", "0", "0", "s", "0", "0"]


def test_what_ends_in_a_second_is_measured(asynq, sent):
    assert row(asynq("queues", "--over", "0.05"), "default")[6] == "0.0"


def test_they_are_shown_to_programs(asynq, sent):
    told = json.loads(asynq("queues", "--json", "--over", "0").out)
    (queue,) = told["queues"]
    assert (queue["name"], queue["ready"], queue["delayed"]) == ("default", 2, 1)
    assert (queue["paused"], queue["limit"], queue["rate"]) == (False, None, None)
    assert queue["oldest"].endswith("+00:00")
    assert told["paused_tasks"] == []


def test_a_queue_is_paused_limited_and_resumed(asynq, sent):
    assert asynq("queues", "pause", "default") == (0, "Paused queue default.\n", "")
    assert asynq("queues", "limit", "default", "3") == (0, "Queue default: 3 at once.\n", "")
    assert row(asynq("queues", "--over", "0"), "default")[-4:] == ["paused,", "at", "most", "3"]
    assert asynq("queues", "limit", "default", "none") == (0, "Queue default: no limit.\n", "")
    assert asynq("queues", "resume", "default") == (0, "Resumed queue default.\n", "")
    assert row(asynq("queues", "--over", "0"), "default")[-1] == "0"


def test_tasks_are_paused_and_resumed(asynq, project, sent):
    assert asynq("queues", "pause", "--task", "shop.add") == (0, "Paused task shop.add.\n", "")
    with project.worker():
        shown = asynq("queues", "--over", "0")
        while "(2 put aside)" not in shown.out:
            shown = asynq("queues", "--over", "0")
    assert shown.out.splitlines()[-1] == "Paused tasks: shop.add (2 put aside)"
    assert asynq("queues", "resume", "--task", "shop.add") == (0, "Resumed task shop.add.\n", "")
    assert row(asynq("queues", "--over", "0"), "default")[1] == "2"


def test_a_task_that_the_app_does_not_have_is_paused_on_demand(asynq):
    refused = asynq("queues", "pause", "--task", "shop.ad")
    assert refused.code == 2
    assert "no task 'shop.ad' here: did you mean shop.add" in refused.err
    paused = asynq("queues", "pause", "--task", "--unknown", "shop.ad", "shop.ab")
    assert paused == (0, "Paused tasks shop.ad, shop.ab.\n", "")


def test_a_queue_that_nobody_knows_is_an_error(asynq):
    refused = asynq("queues", "pause", "defualt")
    assert refused.code == 78
    assert "no queue 'defualt'" in refused.err
    assert "Did you mean default?" in refused.err


@pytest.mark.parametrize("most", ["0", "-3", "many", "1.5"])
def test_a_limit_is_a_number_or_none(asynq, most):
    refused = asynq("queues", "limit", "default", "--", most)
    assert refused.code == 2
    assert "expected a number from 1, or none" in refused.err


def test_watching_needs_time(asynq):
    refused = asynq("queues", "--watch", "--over", "0")
    assert refused.code == 2
    assert "--watch needs --over" in refused.err


def test_they_are_watched_until_somebody_interrupts(asynq, sent, monkeypatch):
    looks = []

    async def sleep(seconds, sleep=asyncio.sleep):
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt
        await sleep(0)

    monkeypatch.setattr("asynq.queues.asyncio.sleep", sleep)
    watched = asynq("queues", "--watch", "--over", "0.5")
    assert looks == [0.5] * 3
    assert watched.out.count("QUEUE") == 2
