"""Workflows under fire: every step, every body and every errback takes effect once. T43, T44, and
what T2, T3, T9, T10 and T15 mean for them."""

import asyncio
import os
import random
import re
import sys

import pytest

from asynq import Asynq, chain, chord, group
from asynq.brokers.redis.scripts import LAUNCH, SETTLE
from asynq.exceptions import ChordError
from tests.chaos.canvases import Artist, Drawn
from tests.integration.workers import ROOT
from tests.waiting import until

TOGETHER = 25
"""Chains side by side, of which each has a step that kills, twice."""
LENGTH = 50
PARTS = 6
"""Calls that keep a chord of 500, before the one that begins it."""


def flawless(checks):
    """Nothing went wrong; what was counted."""
    tally = checks.tally()
    assert tally.faults == []
    return tally


async def all_over(checks, within=20):
    """Wait until nothing is under way any more, news of failures included."""
    await until(checks.is_drained, within=within)
    return flawless(checks)


async def test_t44_a_chain_of_fifty_survives_a_kill_at_every_step(fleet, checks, artist, launch):
    """Of 25 chains side by side each has two steps that die after their last line; together these
    are every place of a chain. They die at the same time, so that it takes two workers."""

    def step(place, which):
        own = () if place else (0,)
        if place % TOGETHER == which:
            return artist.call("mortal_together", *own, TOGETHER)
        return artist.call("plus", *own)

    first = await fleet.start("-c", str(TOGETHER))
    flights = []
    for which in range(TOGETHER):
        steps = [step(place, which) for place in range(LENGTH)]
        flights.append(await launch(Drawn("chain", chain(steps), LENGTH)))
    assert await first.ended() == -9
    second = await fleet.start("-c", str(TOGETHER))
    assert await second.ended() == -9
    await fleet.start("-c", str(TOGETHER))
    values = await asyncio.gather(*(flight.result.get(timeout=30) for flight in flights))
    assert values == [LENGTH] * TOGETHER
    tally = await all_over(checks)
    assert tally.duplicates == 2 * TOGETHER
    assert tally.executions == TOGETHER * (LENGTH + 2)
    await checks.clean(consumers=False)


def large_chord(artist, errors):
    """Of 500 members most succeed; others fail, are revoked, expire, or kill their worker."""
    members = [artist.call("plus", number) for number in range(440)]
    members += [artist.call("mortal_together", number, 20) for number in range(440, 460)]
    members += [artist.call("failing", role="failing") for _ in range(20)]
    members += [artist.call("plus", 0, role="revoked") for _ in range(10)]
    options = {"countdown": 0.5, "expires": 0.1}
    members += [artist.call("plus", 0, role="expired", **options) for _ in range(10)]
    random.Random(2).shuffle(members)
    goes_on = errors != "fail"
    body = artist.call("total", role="body" if goes_on else "unrun")
    errback = artist.call("told", role="idle" if goes_on else "errback")
    whole = chord(group(members, errors=errors), body).on_error(errback)
    return Drawn("chord", whole, 460 * 461 // 2 if goes_on else None)


@pytest.mark.parametrize("errors", ["fail", "ignore"])
async def test_t43_a_chord_of_500_calls_its_body_or_its_errback_once(
    fleet, checks, app, artist, launch, errors
):
    flight = await launch(large_chord(artist, errors))
    for id in flight.roles["revoked"]:
        await app.control.revoke(id)
        fleet.ledger.note("R", id)
    first = await fleet.start("-c", "60")
    assert await first.ended() == -9
    await fleet.start("-c", "60")
    if errors == "ignore":
        assert await flight.result.get(timeout=30) == 460 * 461 // 2
    else:
        with pytest.raises(ChordError):
            await flight.result.get(timeout=30)
    tally = await all_over(checks)
    runs = fleet.ledger.read()
    (errback,) = flight.roles["idle" if errors == "ignore" else "errback"]
    (body,) = flight.roles["body" if errors == "ignore" else "unrun"]
    assert len(runs.runs(errback)) == (errors == "fail")
    assert len(runs.runs(body)) == (errors == "ignore")
    assert tally.states["REVOKED"] == 20
    assert tally.flows.steps == 500 + 1 + (errors == "fail")
    await checks.clean(consumers=False)


async def test_t2_every_kind_of_workflow_survives_workers_that_die(fleet, checks, artist, launch):
    """Each of them beside a member and a body that kill their worker."""
    drawn = [
        *(artist.chain_of_chords(), artist.chord_of_chains(), artist.group_of_chords()),
        *(artist.failing_chain(), artist.failing_chord(), artist.half_failing_chord()),
        *(artist.replaced(), artist.retrying(), artist.mortal()),
    ]
    flights = [await launch(each) for each in drawn]
    for code in (-9, -9):
        worker = await fleet.start("-c", "10")
        assert await worker.ended() == code
    await fleet.start("-c", "10")
    for each, flight in zip(drawn, flights, strict=True):
        if each.value is not None:
            assert await flight.result.get(timeout=20) == each.value
    tally = await all_over(checks)
    assert tally.flows.sent == len(drawn)
    assert tally.flows.errbacks == 2
    await checks.clean(consumers=False)


async def test_t3_a_worker_killed_before_it_heard_that_its_step_was_accepted(
    fleet, checks, artist, launch, wire
):
    near = await wire()
    first = await fleet.start(through=near)
    near.swallow(SETTLE.digest, after=5, cut=False)
    flight = await launch(artist.chain(20))
    await asyncio.wait_for(near.lost.wait(), 10)
    first.kill()
    far = await wire()
    await fleet.start(through=far)
    assert await flight.result.get(timeout=20) == 20
    far.swallow(SETTLE.digest, after=5)  # and one that is not killed asks again
    flight = await launch(artist.chain(20))
    assert await flight.result.get(timeout=20) == 20
    assert far.lost.is_set()
    tally = await all_over(checks)
    # The step whose end was not heard is over. It can only be the one after it, which the worker
    # may have begun before it was killed.
    assert tally.executions - tally.duplicates == 40
    assert tally.duplicates <= 1
    await checks.clean(consumers=False)


async def test_t30_a_workflow_of_which_all_runs_alone_ends_as_any_other(
    fleet, checks, artist, launch
):
    """As suspects do; the steps of our own that move it on are none."""
    worker = await fleet.start("-c", "10", CHAOS_SUSPECT_AFTER="0")
    steps = [artist.call("becoming", 0, "chain"), artist.call("plus")]
    fails = chain(artist.call("failing", role="failing"), artist.call("plus", role="unrun"))
    fails.link_error(artist.call("told", role="errback"))
    flights = [await launch(Drawn("fails", fails)), await launch(Drawn("short", chain(steps), 4))]
    assert await flights[1].result.get(timeout=30) == 4
    with pytest.raises(ValueError, match="as it should"):
        await flights[0].result.get(timeout=30)
    tally = await all_over(checks)
    assert tally.flows.errbacks == 1
    alone = set(re.findall(r"Task (\S+)\[\S+ runs alone", worker.said))
    assert alone == {
        f"tests.chaos.tasks.{name}" for name in ("plus", "failing", "told", "becoming")
    }
    await checks.clean()


@pytest.mark.parametrize("size", [3, 500])
async def test_t15_a_launch_whose_reply_is_lost_begins_once(
    fleet, checks, app, launch, wire, namespace, server, size
):
    server.command("SCRIPT", "LOAD", LAUNCH.text)  # so that what is lost is an answer
    near = await wire()
    async with Asynq(namespace, broker=near.url, task_default_queue="chaos") as sender:
        for after in (0,) if size == 3 else (0, PARTS):
            near.swallow(LAUNCH.digest, after=after)
            flight = await launch(Artist(sender, random.Random(1)).chord(size), sender)
            assert near.lost.is_set()
    worker = await fleet.start("-c", "50")
    result = app.AsyncResult(flight.result.id)
    assert await result.get(timeout=20) == size * (size + 1) // 2
    tally = await all_over(checks)
    assert tally.executions == tally.tasks
    assert worker.alive
    await checks.clean(consumers=False)


@pytest.mark.parametrize("kept", [PARTS, PARTS + 1])
async def test_a_producer_killed_while_it_launches_leaves_no_half_of_a_workflow(
    fleet, checks, wire, server, kept
):
    """Its parts are kept for a while, and nothing of them runs; after the last call all of it
    does."""
    server.command("SCRIPT", "LOAD", LAUNCH.text)
    near = await wire()
    near.swallow(LAUNCH.digest, after=kept - 1, cut=False)
    told = fleet.environment(near.url) | {"CHAOS_SIZE": "500"}
    command = [sys.executable, "-m", "tests.chaos.producing"]
    producer = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=os.environ | told)
    try:
        await asyncio.wait_for(near.lost.wait(), 20)
    finally:
        producer.kill()
        await producer.wait()
    await fleet.start("-c", "50")
    steps = fleet.ledger.read().steps
    if kept > PARTS:
        await until(lambda: not checks.unfinished(steps), within=20)
    tally = await all_over(checks)
    assert tally.executions == (len(steps) if kept > PARTS else 0)
    assert checks.left_behind() == []


async def test_t10_a_server_that_is_killed_in_the_middle_of_a_chord_has_lost_nothing_of_it(
    fleet, checks, artist, launch, server
):
    for _ in range(2):
        await fleet.start("-c", "5")
    members = [artist.call("plus", number, 1, 0.1) for number in range(60)]
    whole = chord(members, artist.call("total", role="body")) | artist.call("plus")
    flight = await launch(Drawn("chord of 60", whole, 60 * 61 // 2 + 1))
    for part in (1, 2):
        await until(lambda part=part: len(fleet.ledger.read().ends) > 15 * part)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
    assert await flight.result.get(timeout=30) == 60 * 61 // 2 + 1
    await all_over(checks)
    assert len(fleet.alive) == 2
    await checks.clean()


async def test_t9_a_worker_frozen_in_a_chain_is_replaced_and_its_step_counts_once(
    fleet, checks, artist, launch
):
    first = await fleet.start("-c", "1")
    steps = [artist.call("plus", 0), artist.call("plus", 1, 1.0), artist.call("plus")]
    flight = await launch(Drawn("chain of 3", chain(steps), 3))
    middle = flight.roles["step"][1]
    await fleet.running(middle)
    first.freeze()
    second = await fleet.start("-c", "1")
    assert await flight.result.get(timeout=20) == 3
    first.thaw()
    await until(lambda: first.fenced + first.leases_lost == 1)
    assert [run.pid for run in fleet.ledger.read().runs(middle)] == [first.pid, second.pid]
    tally = await all_over(checks)
    assert (tally.duplicates, first.alive) == (1, True)
    await checks.clean()


async def test_a_worker_killed_while_it_replaces_a_step_leaves_no_second_workflow(
    fleet, checks, artist, launch, wire, server
):
    """It has kept what takes the step's place, and has not said so."""
    server.command("SCRIPT", "LOAD", LAUNCH.text)
    through = await wire()
    first = await fleet.start(through=through)
    through.swallow(LAUNCH.digest, cut=False)
    flight = await launch(artist.replaced())
    await asyncio.wait_for(through.lost.wait(), 10)
    first.kill()
    await fleet.start()
    assert await flight.result.get(timeout=20) == 10
    await all_over(checks)
    await checks.clean(consumers=False)
