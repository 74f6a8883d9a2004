"""Chords whose members fail: the body can't run, and who waits for it is told once."""

import asyncio

import pytest

from asynq import ChordError, Reject, TaskRevokedError, chain, chord, group


async def test_the_body_does_not_run_and_has_failed_with_a_chord_error(t, worker, quiet):
    result = await chord([t.add.s(1, 1), t.fail.s("h")], t.note.s())()
    with pytest.raises(ChordError, match=r"Dependency .* raised ValueError\('h'\)") as raised:
        await result.get(timeout=10)
    assert result.parent[1].id in str(raised.value)
    assert isinstance(await result.get(propagate=False), ChordError)
    await quiet()
    assert t.told == []
    assert [await each.state for each in result.parent] == ["SUCCESS", "FAILURE"]


async def test_the_other_members_run_to_their_end(t, worker, quiet):
    members = [t.fail.s(), t.add.s(1, 1).set(countdown=0.2), t.add.s(1, 1) | t.add.s(1)]
    result = await chord(members, t.note.s())()
    await quiet()
    assert [await each.state for each in result.parent] == ["FAILURE", "SUCCESS", "SUCCESS"]
    assert t.told == []


async def test_the_errback_is_called_once_however_many_fail(t, worker, quiet):
    made = chord([t.fail.s(n) for n in range(5)], t.note.s("body").on_error(t.on_three.s()))
    result = await made.apply_async(link_error=t.on_three.s())
    await quiet()
    assert len(t.told) == 2  # the body's own, and the chord's
    assert {type(error) for _, error, _ in t.told} == {ChordError}
    assert {request.id for request, _, _ in t.told} == {result.id}


async def test_an_errback_that_takes_one_gets_the_bodys_id(t, worker, quiet):
    result = await chord([t.fail.s(), t.fail.s()], t.note.s()).on_error(t.on_id.s()).delay()
    await quiet()
    assert t.told == [result.id]


async def test_the_cause_of_the_error_is_the_members(t, worker, quiet):
    result = await chord([t.fail.s("h")], t.note.s())()
    error = await result.get(timeout=10, propagate=False)
    assert isinstance(error.__cause__, ValueError)
    assert error.__cause__.args == ("h",)


@pytest.mark.parametrize("errors", ["fail", "collect", "ignore"])
async def test_a_member_that_was_revoked_ends_it(t, worker, quiet, errors):
    held = t.add.s(1, 1).set(countdown=0.3)
    result = await chord([held, t.add.s(2, 2)], t.noop.s(), errors=errors)()
    await result.parent[0].revoke()
    ended = await result.get(timeout=10, propagate=False)
    if errors == "fail":
        assert isinstance(ended, ChordError)
    elif errors == "ignore":
        assert ended == [[[4]], {}]


async def test_a_member_that_was_never_there_in_time_ends_it(t, worker, quiet):
    expired = t.add.s(1, 1).set(countdown=0.2, expires=0.1)
    with pytest.raises(ChordError, match="TaskRevokedError"):
        await chord([expired, t.add.s(2, 2)], t.noop.s())().get(timeout=10)


async def test_a_member_that_no_worker_knows_ends_it(t, worker, quiet, app):
    made = chord([app.signature("proj.unknown"), t.add.s(2, 2)], t.noop.s())
    with pytest.raises(ChordError, match="NotRegistered"):
        await made().get(timeout=10)


async def test_a_member_that_becomes_a_dead_letter_ends_it(t, worker, quiet, app):
    @app.task(acks_on_failure_or_timeout=False)
    async def dead():
        raise ValueError("dead")

    with pytest.raises(ChordError, match="dead"):
        await chord([dead.s(), t.add.s(2, 2)], t.noop.s())().get(timeout=10)


async def test_a_member_that_is_rejected_ends_it(t, worker, quiet, app):
    @app.task
    async def rejects():
        raise Reject("no")

    with pytest.raises(ChordError, match="no"):
        await chord([rejects.s(), t.add.s(2, 2)], t.noop.s())().get(timeout=10)


async def test_a_member_that_raises_ignore_ends_it_too(t, worker, quiet):
    made = chord([t.ignore.s(), t.add.s(2, 2)], t.noop.s())
    result = await made.apply_async(link_error=t.on_id.s())
    with pytest.raises(ChordError, match="raised Ignore"):
        await result.get(timeout=10)
    await quiet()
    assert t.told == [result.id]


async def test_a_member_that_runs_out_of_time_ends_it(t, worker, quiet, app):
    @app.task(time_limit=0.05)
    async def long():
        await asyncio.sleep(60)

    with pytest.raises(ChordError, match="TimeLimit"):
        await chord([long.s(), t.add.s(2, 2)], t.noop.s())().get(timeout=10)


async def test_a_member_that_is_retried_in_vain_ends_it(t, worker, quiet):
    with pytest.raises(ChordError, match="not yet"):
        await chord([t.later.s(), t.add.s(2, 2)], t.noop.s())().get(timeout=10)


async def test_a_chain_that_fails_in_the_middle_is_a_member_that_failed(t, worker, quiet):
    member = chain(t.add.s(1, 1), t.fail.s(), t.note.s(), t.note.s())
    result = await chord([member, t.add.s(1, 1)], t.note.s())()
    assert isinstance(await result.get(timeout=10, propagate=False), ChordError)
    await quiet()
    assert await result.parent[0].state == "FAILURE"
    assert await result.parent[0].parent.state == "FAILURE"
    assert t.told == []


async def test_what_follows_the_body_can_not_run_either(t, worker, quiet):
    made = chord([t.fail.s(), t.add.s(1, 1)], t.note.s()) | t.note.s() | group(t.note.s())
    result = await made.delay()
    assert isinstance((await result.get(timeout=10, propagate=False))[0], ChordError)
    await quiet()
    assert t.told == []
    assert isinstance(await result.parent.result, ChordError)


async def test_a_nested_chord_that_fails_is_a_member_that_failed(t, worker, quiet):
    inner = chord([t.fail.s("deep"), t.add.s(1, 1)], t.note.s("inner"))
    outer = chord([inner, t.add.s(1, 1)], t.note.s("outer"))
    result = await outer.apply_async(link_error=t.on_three.s())
    error = await result.get(timeout=10, propagate=False)
    assert isinstance(error, ChordError)
    assert "deep" in str(error)
    await quiet()
    assert len(t.told) == 1
    assert await result.parent[0].state == "FAILURE"


async def test_a_body_that_fails_calls_its_errbacks_with_its_own_error(t, worker, quiet):
    made = chord([t.add.s(1, 1)], t.fail.si("body").on_error(t.on_three.s()))
    result = await made.apply_async(link_error=t.note.si("chord"))
    with pytest.raises(ValueError, match="body"):
        await result.get(timeout=10)
    await quiet()
    assert sorted(map(len, t.told)) == [1, 3]


async def test_errors_may_be_collected(t, worker):
    made = chord([t.add.s(1, 1), t.fail.s("h"), t.add.s(2, 2)], t.told_of.s(), errors="collect")
    assert await made().get(timeout=10) == ["2", "ValueError('h')", "4"]


async def test_errors_may_be_left_out(t, worker):
    made = chord([t.add.s(1, 1), t.fail.s("h"), t.add.s(2, 2)], t.xsum.s(), errors="ignore")
    assert await made().get(timeout=10) == 6
    assert await (group(t.fail.s(), errors="ignore") | t.noop.s()).delay().get(timeout=10) == [
        [[]],
        {},
    ]


async def test_so_many_must_succeed_all_the_same(t, worker, quiet):
    def made(least):
        members = [t.add.s(1, 1), t.fail.s("h"), t.add.s(2, 2)]
        return chord(members, t.xsum.s(), errors="ignore", least=least)

    assert await made(2)().get(timeout=10) == 6
    result = await made(3).apply_async(link_error=t.on_id.s())
    with pytest.raises(ChordError, match="2 of 3 succeeded, and 3 must"):
        await result.get(timeout=10)
    await quiet()
    assert t.told == [result.id]


async def test_errors_of_chains_chords_and_groups_are_collected_in_their_places(t, worker):
    members = [
        chain(t.fail.s("chain"), t.add.s(1)),
        chord([t.fail.s("chord"), t.add.s(1, 1)], t.xsum.s()),
        t.add.s(1, 1) | group(t.add.s(1), t.fail.s()),
        t.add.s(1, 1) | group(t.add.s(1), t.add.s(2)),
        t.add.s(1, 1),
    ]
    shown = await chord(members, t.told_of.s(), errors="collect")().get(timeout=10)
    assert shown[0] == "ValueError('chain')"
    assert "ChordError" in shown[1]
    assert "ValueError(2)" in shown[2]
    assert shown[3:] == ["[3, 4]", "2"]


async def test_errors_may_be_collected_where_a_large_group_follows_a_task(t, worker):
    members = [t.fail.s() if n % 2 else t.add.s(n) for n in range(120)]
    made = t.add.s(1, 1) | group(members, errors="ignore") | t.xsum.s()
    assert await made.delay().get(timeout=20) == sum(range(0, 120, 2)) + 120


async def test_a_workflow_has_its_time(t, worker, quiet, app):
    result = await chord([t.add.s(1, 1).set(countdown=3600)], t.note.s()).apply_async(
        workflow_timeout=0.1
    )
    ended = await result.get(timeout=10, propagate=False)
    assert isinstance(ended, (ChordError, TaskRevokedError))
    assert t.told == []


@pytest.mark.parametrize("of", ["step", "chord", "member", "call", "task"])
async def test_the_time_may_be_said_of_a_part(t, worker, of):
    slow, short = t.add.signature((1, 1), countdown=3600), {"workflow_timeout": 0.1}
    call = {
        "step": (t.add.s(1, 1).set(**short) | slow.set(immutable=True)).delay,
        "chord": (t.noop.s() | chord([slow], t.xsum.s()).set(**short)).delay,
        "member": group(slow, t.add.s(2, 2).set(**short)).delay,
        "call": lambda: slow.apply_async(**short),
        "task": lambda: t.add.apply_async((1, 1), countdown=3600, **short),
    }[of]()
    with pytest.raises((TaskRevokedError, ChordError)):
        await call.get(timeout=10)


async def test_the_time_of_a_workflow_that_is_over_means_nothing(t, worker, quiet):
    result = await (t.add.s(1, 1) | t.add.s(1)).apply_async(workflow_timeout=0.2)
    assert await result.get(timeout=10) == 3
    await quiet()
    assert await result.state == "SUCCESS"
