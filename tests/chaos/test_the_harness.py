"""The suite can fail: what it looks for is found where it is made to happen."""

import asyncio
import random

import pytest

from asynq import chain
from tests.chaos.canvases import Drawn
from tests.chaos.checks import POISON
from tests.chaos.crew import Crew
from tests.chaos.ledger import Book, Ledger
from tests.waiting import until


def test_a_run_beyond_the_first_of_an_attempt_is_a_duplicate():
    book = Book(["S a 0 0 1 1.0", "S a 1 0 1 2.0", "S b 0 0 1 1.0", "S b 0 1 2 9.0"])
    assert book.duplicates == 1
    assert [run.redeliveries for run in book.runs("b")] == [0, 1]


def test_two_accepted_ends_of_one_task_are_one_too_many():
    book = Book(["C a SUCCESS 1-0 x 1.0", "C b SUCCESS 1-1 y 1.0", "C b SUCCESS 2-0 y 2.0"])
    assert book.completed_twice == ["b"]


def test_a_line_that_is_none_is_not_overlooked():
    with pytest.raises(ValueError, match="not a line"):
        Book(["S a"])


def test_lines_of_many_writers_do_not_mix(tmp_path):
    writers = [Ledger(tmp_path / "ledger") for _ in range(3)]
    for number in range(100):
        for writer in writers:
            writer.note("P", f"id-{number}", "quick")
    assert len(writers[0].read().sent) == 100
    for writer in writers:
        writer.close()


async def test_what_was_sent_and_never_ended_is_lost(checks, fleet, send, server):
    result = await send("quick")
    server.command("DEL", checks.keys.lane("chaos", 0))
    assert checks.tally().lost == [result.id]
    assert checks.tally().faults == [f"1 lost: ['{result.id}']"]


async def test_the_servers_trail_tells_of_an_end_that_was_accepted_twice(
    checks, fleet, send, server
):
    """The same message twice in the queue: what a careless broker would do."""
    result = await send("quick", 4)
    lane = checks.keys.lane("chaos", 0)
    ((_, fields),) = server.command("XRANGE", lane, "-", "+")
    server.command("XADD", lane, "*", *fields)
    await fleet.start()
    assert await result.get(timeout=10) == 4
    await until(lambda: not server.command("XLEN", lane))
    tally = checks.tally()
    assert tally.completed_twice == [result.id]
    assert tally.duplicates == 1


async def test_an_innocent_dead_letter_is_told_from_a_poison_pill(checks, send, server):
    good = await send("quick")
    bad = await send("deadly", "exit", kind=POISON)
    for result in (good, bad):
        server.command(
            "XADD", checks.keys.buried("chaos"), "*", "i", result.id, "m", "{}", "why", "so"
        )
    tally = checks.tally()
    assert (tally.poison, tally.poison_buried) == (1, 1)
    assert [letter.id for letter in tally.innocents_buried] == [good.id]
    assert tally.lost == []


async def test_a_run_after_the_revocation_counts(checks, fleet, send):
    await fleet.start()
    result = await send("quick", kind="revoked")
    fleet.ledger.note("R", result.id)
    await result.get(timeout=10)
    early = await send("quick", kind="revoked")
    await early.get(timeout=10)
    fleet.ledger.note("R", early.id)
    found = checks.tally().revoked_executed
    assert early.id not in found
    assert set(found) <= {result.id}  # it may have been quicker than the note


async def test_what_is_left_behind_is_named(checks, fleet, send, server, namespace):
    worker = await fleet.start()
    assert await (await send("quick", 1)).get(timeout=10) == 1
    assert checks.left_behind() == []
    server.command("SET", f"aq:{{{namespace}}}:stray", "x")
    await send("quick", countdown=60)
    worker.kill()
    left = checks.left_behind()
    assert "no time to live: stray" in left
    assert sum("is not empty" in what for what in left) == 2
    assert any(f":{worker.pid}:" in what and "is a consumer" in what for what in left)
    assert len(checks.left_behind(consumers=False)) == 3


async def test_a_workflow_that_waits_is_found(checks, artist, launch, server):
    flight = await launch(artist.chord_of_chains())
    assert checks.tally().flows.open == [flight.id]
    kept = checks.keys.workflow(flight.id)
    server.command("HSET", kept, "over", "SUCCESS|1")
    flows = checks.tally().flows
    assert (flows.open, flows.stale) == ([], [f"{flight.id}:j2"])
    assert len(checks.tally().lost) == 16


async def test_a_step_that_ends_twice_is_found_in_the_middle_of_a_workflow(
    checks, fleet, artist, launch, server
):
    flight = await launch(artist.chain(3))
    lane = checks.keys.lane("chaos", 0)
    ((_, fields),) = server.command("XRANGE", lane, "-", "+")
    server.command("XADD", lane, "*", *fields)
    await fleet.start()
    await until(checks.is_drained)
    tally = checks.tally()
    assert tally.completed_twice == flight.roles["step"][:1]
    assert (tally.duplicates, tally.flows.faults) == (1, [])


async def test_a_wrong_value_and_an_errback_that_ran_for_nothing_are_found(
    checks, fleet, artist, launch
):
    await fleet.start()
    wrong = await launch(artist.chain(3)._replace(value=4))
    steps = [artist.call("failing", role="failing"), artist.call("plus", role="unrun")]
    drawn = Drawn("chain", chain(steps).on_error(artist.call("told", role="idle")))
    nothing = await launch(drawn)
    never = Drawn("chain", artist.chain(2).canvas.on_error(artist.call("told", role="errback")))
    quiet = await launch(never)
    await until(lambda: len(checks.unfinished(fleet.ledger.read().steps)) == 1)
    tally = checks.tally()
    assert tally.flows.wrong == [f"{wrong.result.id}: 3, not 4"]
    assert tally.flows.retold == nothing.roles["idle"]
    assert tally.lost == quiet.roles["errback"]


def test_half_of_a_workflow_is_found(checks, fleet):
    lines = [("N", "a", "w", "step"), ("N", "b", "w", "step"), ("W", "w", "chain", "perhaps")]
    fleet.ledger.note_all(lines)
    assert checks.tally().flows.halves == []
    fleet.ledger.note("S", "a", 0, 0, 1)
    assert checks.tally().flows.halves == ["w"]


async def test_the_crew_replaces_who_dies_and_notes_who_crashes(fleet, wire, checks):
    crew = Crew(fleet, [await wire()], random.Random(1))
    await crew.start()
    keeping = asyncio.ensure_future(crew.keep())
    (first,) = crew.members
    first.signal(9)
    await until(lambda: crew.members[0] is not first)
    await crew.members[0].ready()
    assert (crew.ends[-9], crew.crashed) == (1, [])
    keeping.cancel()
    await asyncio.wait([keeping])
    crew.members[0].signal(15)  # which nobody has told the crew of
    await crew.members[0].ended()
    crew._note_end(crew.members[0])
    assert crew.crashed == [crew.members[0]]
