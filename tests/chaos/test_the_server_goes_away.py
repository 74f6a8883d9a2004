"""The server is killed, paused, or cut off: workers go on by themselves. T10, T12-T15."""

import asyncio
import time
from contextlib import suppress

import pytest

from asynq import Asynq
from asynq._redis.keys import GROUP
from asynq.backends.redis.asking import AWAIT
from asynq.brokers.redis.delayed import SOON
from asynq.brokers.redis.fetching import WOKEN
from asynq.brokers.redis.scripts import (
    ANNOUNCE,
    BEAT,
    ENQUEUE,
    FETCH,
    FIRST,
    MOVE,
    OPEN,
    PENDING,
    REAP,
    RELEASE,
    SETTLE,
)
from tests.chaos.fleet import LEASE
from tests.servers import ServerError
from tests.waiting import until

SCRIPTS = (
    *(ANNOUNCE, AWAIT, BEAT, ENQUEUE, FETCH, FIRST),
    *(MOVE, OPEN, PENDING, REAP, RELEASE, SETTLE),
)
IN_A_WHILE = SOON + 0.5
"""Seconds after which a worker moves a message, and not who sent it."""


async def test_t10_a_killed_server_that_comes_back_has_lost_and_doubled_nothing(
    fleet, checks, send, server
):
    for _ in range(2):
        await fleet.start("-c", "5")
    sent = [await send("sleeping", 0.2) for _ in range(60)]
    sent += [await send("quick", countdown=1.5) for _ in range(20)]
    await until(lambda: len(fleet.ledger.read().ends) > 5)
    for _ in range(2):
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        back = time.monotonic()
        assert await (await send("quick", 1)).get(timeout=10) == 1
        assert time.monotonic() - back < 5.0
    await asyncio.gather(*(result.get(timeout=30) for result in sent))
    tally = checks.tally()
    assert tally.faults == []
    assert tally.duplicates <= 2 * 2 * 5  # what ran while the server was killed, at most
    assert len(fleet.alive) == 2
    await checks.clean()


async def test_t12_what_is_deleted_under_a_reader_that_waits_is_made_again(
    fleet, checks, send, server
):
    worker = await fleet.start()
    for words in (["FLUSHALL"], ["DEL", checks.keys.lane("chaos", 0)]):
        assert await (await send("quick", 1)).get(timeout=10) == 1
        server.command(*words)
        began = time.monotonic()
        assert await (await send("quick", 2)).get(timeout=10) == 2
        assert time.monotonic() - began < 3.0
    assert worker.alive
    assert "has lost its data" in worker.said


async def test_t13_a_long_task_outlives_every_connection_and_delays_no_other(
    fleet, checks, send, server
):
    worker = await fleet.start()
    long = await send("sleeping", 2 * LEASE)
    await fleet.running(long.id)
    slowest = 0.0
    for _ in range(3):
        for words in (["TYPE", "normal"], *_each_connection(server)):
            with suppress(ServerError):  # it has gone by itself
                server.command("CLIENT", "KILL", *words)
        began = time.monotonic()
        assert await (await send("quick", 1)).get(timeout=10) == 1
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2.0
    assert await long.get(timeout=15) == 2 * LEASE
    assert [run.pid for run in fleet.ledger.read().runs(long.id)] == [worker.pid]
    tally = checks.tally()
    assert (tally.duplicates, tally.faults) == (0, [])


def _each_connection(server):
    lines = server.command("CLIENT", "LIST").decode().splitlines()
    return [["ID", line.split()[0].removeprefix("id=")] for line in lines]


@pytest.mark.parametrize("how", ["CLIENT PAUSE", "SIGSTOP"])
async def test_t14_a_server_that_stood_still_makes_no_worker_a_dead_one(
    fleet, checks, send, server, how
):
    for _ in range(2):
        await fleet.start()
    sent = [await send("sleeping", 5 * LEASE) for _ in range(6)]
    await until(lambda: len(fleet.ledger.read().starts) == 6)
    paused = time.monotonic()
    if how == "SIGSTOP":
        server.pause()
        await until(lambda: time.monotonic() - paused > 3 * LEASE)
        server.resume()
    else:
        server.command("CLIENT", "PAUSE", int(3 * LEASE * 1000), "ALL")
    assert await asyncio.gather(*(result.get(timeout=30) for result in sent)) == [5 * LEASE] * 6
    tally = checks.tally()
    assert (tally.duplicates, tally.faults) == (0, [])


async def test_t15_any_request_may_lose_its_reply(fleet, checks, send, wire, server, namespace):
    for script in SCRIPTS:
        server.command("SCRIPT", "LOAD", script.text)  # so that what is lost is an answer
    lane = checks.keys.lane("chaos", 0)
    server.command("XGROUP", "CREATE", lane, GROUP, "0", "MKSTREAM")
    near, far = await wire(), await wire()

    async def struck(through, marker):
        """Lose the reply to the next request of that kind."""
        through.swallow(marker)
        await asyncio.wait_for(through.lost.wait(), 15)

    async def sent_meanwhile(through, marker, *what, **options):
        strike = asyncio.ensure_future(struck(through, marker))
        await asyncio.sleep(0)
        result = await send(*what, through=sender, **options)
        await strike
        return result

    async with Asynq(namespace, broker=near.url, task_default_queue="chaos") as sender:
        sent = [await sent_meanwhile(near, ENQUEUE.digest, "quick", 0)]
        server.command("XREADGROUP", "GROUP", GROUP, "ghost:0:0", "STREAMS", lane, ">")

        starting = asyncio.ensure_future(struck(far, OPEN.digest))
        await asyncio.sleep(0)
        worker = fleet.launch(through=far)
        await starting
        await struck(far, REAP.digest)
        assert await sent[0].get(timeout=10) == 0
        # After more than one read takes at once there is a look for the rest.
        looked = asyncio.ensure_future(struck(far, FETCH.digest))
        sent += await asyncio.gather(*(send("quick", 1, through=sender) for _ in range(2 * WOKEN)))
        await looked
        sent.append(await sent_meanwhile(far, SETTLE.digest, "quick", 2))
        for each in sent[1:]:
            await each.get(timeout=10)
        sent.append(await sent_meanwhile(far, BEAT.digest, "sleeping", 1.5 * LEASE))
        sent.append(await sent_meanwhile(far, MOVE.digest, "quick", countdown=IN_A_WHILE))
        for script in (FIRST, PENDING, ANNOUNCE):
            await struck(far, script.digest)

        far.swallow(b"XREADGROUP")
        await asyncio.wait_for(far.asked.wait(), 5)
        sent.append(await send("quick", 7))
        await asyncio.wait_for(far.lost.wait(), 5)
        await struck(far, RELEASE.digest)

        asking = asyncio.ensure_future(struck(near, AWAIT.digest))
        await asyncio.sleep(0)
        assert await sender.AsyncResult(sent[-1].id).get(timeout=15) == 7
        await asking
        await asyncio.gather(*(result.get(timeout=15) for result in sent))

    assert worker.alive
    assert near.swallowed + far.swallowed >= 11
    tally = checks.tally()
    assert (tally.duplicates, tally.faults) == (0, [])
    await checks.clean(consumers=False)
