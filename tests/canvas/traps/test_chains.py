"""Chains: what goes on to the next, what becomes of the rest, and where the options go."""

import pytest

from asynq import GroupResult, TaskRevokedError, Worker, chain, group


async def test_a_callers_arguments_are_the_first_calls(t, worker):
    assert await chain(t.add.s(4), t.mul.s(8))(16).get(timeout=10) == 160
    assert await chain(t.noop.s(4), t.noop.s())(k=1).get(timeout=10) == [[[[4], {"k": 1}]], {}]


async def test_it_is_made_of_arguments_a_list_or_a_generator(t, worker):
    for made in (
        chain(t.add.s(1, 1), t.add.s(2), t.add.s(3)),
        chain([t.add.s(1, 1), t.add.s(2), t.add.s(3)]),
        chain(t.add.s(*args) for args in ((1, 1), (2,), (3,))),
        chain(chain(t.add.s(1, 1), t.add.s(2)), chain(t.add.s(3))),
        t.add.s(1, 1) | (t.add.s(2) | t.add.s(3)),
    ):
        assert len(made) == 3
        assert await made().get(timeout=10) == 7


async def test_of_one_it_is_that_one(t, worker):
    assert await chain(t.add.s(1, 1))().get(timeout=10) == 2


async def test_an_immutable_step_ignores_what_came_before_it(t, worker):
    assert await (t.add.s(1, 1) | t.noop.si(5) | t.noop.s()).delay().get(timeout=10) == [
        [[[5], {}]],
        {},
    ]


async def test_a_countdown_is_the_first_calls_and_the_id_the_last_ones(t, worker, app):
    @app.task(bind=True)
    async def told(self, *before):
        return [*(before[0] if before else ()), [self.request.id, self.request.priority]]

    call = chain(told.s(), told.s(), told.s()).apply_async(task_id="mine", priority=6)
    assert call.id == "mine"
    (first, six), (_, nothing), (last, _) = await call.get(timeout=10)
    assert (six, nothing, last) == (6, 0, "mine")
    assert first != "mine"


async def test_a_countdown_is_waited_for_once(t, worker):
    result = await chain(t.add.s(1, 1), t.add.s(1)).apply_async(countdown=0.3)
    assert await result.parent.state == "PENDING"
    assert await result.get(timeout=10) == 3


async def test_it_may_end_with_a_group(t, worker):
    result = await (t.add.s(1, 1) | group(t.add.s(10), t.add.s(20)))()
    assert isinstance(result, GroupResult)
    assert await result.get(timeout=10) == [12, 22]
    assert await result.parent.get(timeout=10) == 2


async def test_a_group_in_the_middle_is_a_chord(t, worker):
    made = t.add.s(1, 1) | group(t.add.s(10), t.add.s(20)) | t.xsum.s() | t.add.s(1)
    assert await made().get(timeout=10) == 35


async def test_of_two_groups_in_a_row_each_member_of_the_second_gets_the_list(t, worker):
    made = group(t.add.s(1, 1), t.add.s(2, 2)) | group(t.noop.s("a"), t.noop.s("b"))
    assert await made().get(timeout=10) == [[[[2, 4], "a"], {}], [[[2, 4], "b"], {}]]
    assert await (made | t.noop.s()).delay().get(timeout=10) == [
        [[[[[2, 4], "a"], {}], [[[2, 4], "b"], {}]]],
        {},
    ]


async def test_a_group_of_one_gives_a_list_however_it_is_written(t, worker):
    one = group([t.add.s(1, 1)])
    assert await (one | t.noop.s()).delay().get(timeout=10) == [[[2]], {}]
    assert await chain(one, t.noop.s())().get(timeout=10) == [[[2]], {}]
    assert await (t.add.s(1) | group([t.add.s(1)]) | t.noop.s()).delay(1).get(timeout=10) == [
        [[3]],
        {},
    ]


async def test_an_empty_group_in_the_middle_is_passed_over(t, worker):
    assert await (t.add.s(1, 1) | group([]) | t.add.s(5)).delay().get(timeout=10) == 7
    assert await chain(t.add.s(1, 1), group([]))().get(timeout=10) == 2


async def test_after_an_empty_group_at_the_beginning_there_is_an_empty_list(t, worker):
    assert await (group([]) | t.noop.s("own")).delay().get(timeout=10) == [[[], "own"], {}]
    assert await chain(group([]), t.noop.s("own"), t.noop.s()).delay().get(timeout=10) == [
        [[[[], "own"], {}]],
        {},
    ]


async def test_parents_lead_back_and_children_on(t, worker):
    last = await chain(t.add.s(1, 1), t.add.s(2), t.add.s(3))()
    assert await last.get(timeout=10) == 7
    second, first = last.parent, last.parent.parent
    assert (first.parent, last.children) == (None, [])
    assert (first.children, second.children) == ([second], [last])
    assert [await each.get(timeout=10) for each in (first, second)] == [2, 4]


async def test_a_failure_is_that_of_all_that_follows(t, worker, quiet):
    last = await chain(t.add.s(1, 1), t.fail.s(), t.note.s(), t.note.s())()
    with pytest.raises(ValueError, match="2"):
        await last.get(timeout=10)
    await quiet()
    assert t.told == []
    for each in (last, last.parent, last.parent.parent):
        assert await each.state == "FAILURE"
        assert (await each.result).args == (2,)
    assert await last.parent.parent.parent.state == "SUCCESS"


@pytest.mark.parametrize("step", range(3))
async def test_an_errback_is_called_once_whichever_step_fails(t, worker, quiet, step):
    steps = [t.add.si(1, 1) for _ in range(3)]
    steps[step] = t.fail.si(step)
    result = await chain(steps).apply_async(link_error=t.on_three.s())
    await result.get(timeout=10, propagate=False)
    await quiet()
    ((request, error, _),) = t.told
    assert (request.task, error.args) == ("proj.fail", (step,))


async def test_on_error_is_the_same_and_gives_the_chain(t, worker, quiet):
    made = (t.fail.s() | t.add.s(1)).on_error(t.on_id.s())
    result = await made.delay()
    await quiet()
    assert t.told == [result.parent.id]


async def test_an_errback_of_one_step_is_not_called_for_others(t, worker, quiet):
    made = t.add.s(1, 1).on_error(t.note.si("first")) | t.fail.s().on_error(t.note.si("second"))
    await (made | t.add.s(1).on_error(t.note.si("third"))).delay()
    await quiet()
    assert t.told == [("second",)]


async def test_an_inner_chains_errback_is_not_called_for_the_outer_ones(t, worker, quiet):
    inner = chain(t.add.s(1), t.add.s(1)).on_error(t.note.si("inner"))
    made = chain(t.add.s(1, 1), inner, t.fail.s()).on_error(t.note.si("outer"))
    await made.delay()
    await quiet()
    assert t.told == [("outer",)]


async def test_both_errbacks_are_called_where_the_inner_chain_fails(t, worker, quiet):
    inner = chain(t.fail.s(), t.add.s(1)).on_error(t.note.si("inner"))
    await chain(t.add.s(1, 1), inner, t.add.s(1)).on_error(t.note.si("outer")).delay()
    await quiet()
    assert t.told == [("inner",), ("outer",)]


async def test_a_link_of_a_chain_is_the_last_ones(t, worker, quiet):
    made = t.add.s(1, 1) | t.add.s(2)
    made.link(t.note.s())
    await made.delay().get(timeout=10)
    await made.apply_async(link=t.note.s("given"))
    await quiet()
    assert sorted(t.told, key=str) == [(4, "given"), (4,), (4,)]


async def test_ignore_ends_what_follows_as_revoked(t, worker, quiet):
    last = await chain(t.add.s(1, 1), t.ignore.s(), t.note.s(), t.note.s()).apply_async(
        link_error=t.on_id.s()
    )
    with pytest.raises(TaskRevokedError, match="Ignore"):
        await last.get(timeout=10)
    await quiet()
    assert t.told == []
    assert await last.parent.state == "REVOKED"
    assert await last.parent.parent.state == "PENDING"


async def test_a_revoked_step_ends_what_follows_as_revoked(t, worker, quiet):
    made = chain(t.add.s(1, 1).set(countdown=0.2), t.note.s())
    last = await made.apply_async(link_error=t.on_id.s())
    await last.parent.revoke()
    with pytest.raises(TaskRevokedError):
        await last.get(timeout=10)
    await quiet()
    assert t.told == [last.parent.id]


async def test_an_expired_step_ends_what_follows(t, worker, quiet):
    made = chain(t.add.s(1, 1).set(countdown=0.2, expires=0.1), t.note.s())
    last = await made.delay()
    with pytest.raises(TaskRevokedError):
        await last.get(timeout=10)


async def test_an_unknown_step_ends_what_follows(t, worker, quiet, app):
    last = await chain(t.add.s(1, 1), app.signature("proj.unknown"), t.note.s()).apply_async(
        link_error=t.on_id.s()
    )
    assert (await last.get(timeout=10, propagate=False)).__class__.__name__ == "NotRegistered"
    await quiet()
    assert t.told == [last.parent.id]


async def test_a_value_that_can_not_be_written_is_a_failure(t, worker, app):
    @app.task
    async def broken():
        return object()

    last = await (broken.s() | t.noop.s()).delay()
    assert "EncodeError" in repr(await last.get(timeout=10, propagate=False))


async def test_a_value_that_does_not_fit_what_follows_is_a_failure_of_that(t, worker):
    last = await (t.noop.s() | t.add.s(1)).delay()
    assert isinstance(await last.get(timeout=10, propagate=False), TypeError)
    assert await last.parent.state == "SUCCESS"


async def test_steps_may_be_defs_and_have_their_own_queues(t, app):
    made = t.numbers.s().set(queue="one") | t.xsum.s().set(queue="two", priority=9)
    async with Worker(app, queues=["one", "two"]):
        assert await made(5).get(timeout=10) == 10


async def test_a_chain_is_sent_twice_as_two(t, worker):
    made = t.add.s(1, 1) | t.add.s(1)
    first, second = await made.delay(), await made.delay()
    assert first != second
    assert [await first.get(timeout=10), await second.get(timeout=10)] == [3, 3]


async def test_what_ignores_its_result_still_gives_it_to_the_next(t, worker):
    made = t.add.s(1, 1).set(ignore_result=True) | t.add.s(1)
    last = await made.delay()
    assert await last.get(timeout=10) == 3
    assert await last.parent.state == "PENDING"
