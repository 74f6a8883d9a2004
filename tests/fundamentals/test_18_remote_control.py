"""Asking and commanding workers: the same from a terminal and from code."""

import asyncio
import json
import os
import sys

import pytest

from asynq import Worker
from tests.integration.workers import ROOT, environment, workers
from tests.waiting import until

__all__ = ["environment", "workers"]


@pytest.fixture
def asynq(environment):
    """`asynq -A proj …` in a process of its own: exit code, standard output, standard error."""

    async def run(*words):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "asynq", "-A", "tests.integration.proj", *words),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    return run


async def test_from_a_terminal(asynq, workers):
    """`inspect active`, `reserved`, `scheduled`, `status`, `control` of real workers."""
    await workers.start("-n", "one@here", "-c", "1", "--prefetch-multiplier", "2")
    await workers.start("-n", "two@here", "-Q", "other")
    await asynq("call", "tests.integration.proj.hang")
    await asynq("call", "tests.integration.proj.add", "-a", "[1, 2]")
    await asynq("call", "tests.integration.proj.add", "-a", "[3, 4]", "--countdown", "1000")
    await until(lambda: workers.lines("begin"))

    code, out, _ = await asynq("inspect", "active")
    assert code == 0
    assert out.startswith("->  one@here: OK\n    * {'id': '")
    assert out.endswith("->  two@here: OK\n    - empty -\n\n2 nodes online.\n")
    _, out, _ = await asynq("inspect", "reserved", "--json")
    assert [task["args"] for task in json.loads(out)["one@here"]] == [[1, 2]]
    _, out, _ = await asynq("inspect", "scheduled", "-d", "one@here", "--json")
    assert [task["request"]["args"] for task in json.loads(out)["one@here"]] == [[3, 4]]
    assert await asynq("status") == (
        0,
        "->  one@here: OK\n        pong\n->  two@here: OK\n        pong\n\n2 nodes online.\n",
        "",
    )
    code, out, _ = await asynq("control", "shutdown", "-d", "two@here")
    assert (code, out) == (0, "->  two@here: OK\n        shutting down\n")
    assert await workers.started[1].ended() == 0


async def test_one_that_was_killed_is_down_and_not_silently_missing(asynq, workers):
    one = await workers.start("-n", "one@here")
    one.kill()
    code, out, err = await asynq("inspect", "active", "-t", "0.2")
    assert (code, out) == (69, "")
    assert "No nodes replied within time constraint" in err
    # Its lease of 1.5 s is over some time; from then on it is known to be down.

    async def known():
        return "one@here is down: last heard of" in (await asynq("status", "-t", "0.2"))[2]

    await until(known, within=40)


async def test_every_process_is_a_node_and_stays_shut_down(asynq, workers):
    parent = await workers.start_parent(2)
    names = sorted(json.loads((await asynq("status", "--json"))[1]))
    assert len(names) == 2
    await asynq("control", "shutdown", "-d", names[0])
    await until(lambda: f"{names[0]} was shut down, and is not started again" in parent.said)
    assert list(json.loads((await asynq("status", "--json"))[1])) == [names[1]]
    await asynq("control", "shutdown")
    assert await parent.ended() == 0


async def test_from_code(app, worker):
    assert await app.control.inspect().active() == {worker.hostname: []}
    assert await app.control.ping() == [{worker.hostname: {"ok": "pong"}}]
    replies = await app.control.enable_events(reply=True)
    assert replies == [{worker.hostname: {"ok": "task events enabled"}}]
    replies = await app.control.pool_grow(5, reply=True)
    assert replies == [{worker.hostname: {"ok": "pool will grow"}}]


async def test_nobody_there_is_an_empty_answer(app):
    assert await app.control.inspect().active() == {}


async def test_a_worker_embedded_in_a_program_answers_like_any_other(app):
    async with Worker(app, hostname="web@here"):

        async def answers():
            return await app.control.inspect(["web@here"]).ping()

        assert await until(answers) == {"web@here": {"ok": "pong"}}
