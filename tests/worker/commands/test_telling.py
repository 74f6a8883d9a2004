"""What `inspect` tells of a worker itself."""

import os

import pytest

from asynq._time import time
from asynq.worker.commands.telling import _broker


async def test_stats_are_how_much_and_with_what(say, hang, gate):
    gate.set()
    assert await hang.delay(1).get(timeout=10) == 1
    told = await say("stats")
    assert told["total"] == {hang.name: 1}
    assert told["pid"] == os.getpid()
    pool = told["pool"]
    assert (pool["implementation"], pool["max-concurrency"], pool["processes"]) == (
        "asyncio",
        2,
        [],
    )
    assert told["prefetch_count"] == 6
    assert told["broker"]["transport"] == "memory"
    assert told["rusage"]["maxrss"] > 0


async def test_conf_is_what_was_set(say):
    told = await say("conf")
    assert told["accept_content"] == ["json", "msgpack"]
    assert "worker_lease" not in told
    assert (await say("conf", with_defaults=True))["worker_lease"] == 30.0


async def test_report_is_text(say):
    told = (await say("report"))["ok"]
    assert "software -> asynq:" in told
    assert "accept_content: ('json', 'msgpack')" in told


async def test_clock_is_the_servers_time(say):
    assert abs((await say("clock"))["clock"] - time() * 1000) < 10_000


@pytest.mark.parametrize("command", ["memdump", "memsample", "objgraph"])
async def test_what_is_not_here_names_what_to_use(say, command):
    assert "rusage.maxrss" in (await say(command))["error"]


async def test_no_password_is_told(app, say):
    app.conf.task_default_queue = "default"
    app.conf.result_backend_transport_options = {"password": "secret-1"}
    assert "secret-1" not in str(await say("conf")) + str(await say("report"))
    told = _broker("redis://me:secret-2@nowhere:1/7")
    assert "secret-2" not in str(told)
    assert (told["hostname"], told["port"], told["userid"]) == ("nowhere", 1, "me")
