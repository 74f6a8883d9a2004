"""Groups: their members, order, options, links; and map, starmap and chunks."""

import pytest

from asynq import GroupResult, chain, chord, group


async def test_it_is_made_of_arguments_a_list_a_generator_or_groups(t, worker):
    for made in (
        group(t.add.s(0), t.add.s(1), t.add.s(2)),
        group([t.add.s(0), t.add.s(1), t.add.s(2)]),
        group(t.add.s(i) for i in range(3)),
        group(group(t.add.s(0)), [t.add.s(1), group([t.add.s(2)])]),
        group(group(t.add.s(i) for i in range(3))),
    ):
        assert len(made) == 3
        assert await made(10).get(timeout=10) == [10, 11, 12]


async def test_a_generator_is_read_once_and_kept(t, worker):
    made = group(t.add.s(i) for i in range(3))
    assert await made(1).get(timeout=10) == await made(1).get(timeout=10) == [1, 2, 3]


async def test_of_one_it_gives_a_list(t, worker):
    result = await group(t.add.s(1, 1))()
    assert isinstance(result, GroupResult)
    assert await result.get(timeout=10) == [2]


async def test_an_empty_one_is_there_at_once(app, t):
    result = await group([])()
    assert isinstance(result, GroupResult)
    assert await result.get(timeout=10) == []


async def test_members_that_are_chains_and_chords_give_their_last_value(t, worker):
    made = group(
        t.add.s(1, 1) | t.add.s(1),
        chord([t.add.s(1, 1), t.add.s(2, 2)], t.xsum.s()),
        t.add.s(5, 5),
    )
    assert await made().get(timeout=10) == [3, 6, 10]


async def test_a_member_that_ends_with_a_group_gives_a_list(t, worker):
    made = group(t.add.s(1, 1) | group(t.add.s(1), t.add.s(2)), t.add.s(4, 0))
    assert await made().get(timeout=10) == [[3, 4], 4]
    assert await (made | t.noop.s()).delay().get(timeout=10) == [[[[3, 4], 4]], {}]


async def test_a_callers_arguments_go_to_the_first_call_of_each_member(t, worker):
    made = group(t.add.s(1) | t.mul.s(2), chord([t.add.s(1), t.add.s(2)], t.xsum.s()), t.add.s(5))
    assert await made(10).get(timeout=10) == [22, 23, 15]


async def test_options_are_all_members(t, worker, app):
    @app.task(bind=True)
    async def told(self, *before):
        return self.request.priority

    made = group(told.s() | told.s(), told.s()).set(priority=6)
    assert await made().get(timeout=10) == [0, 6]
    assert await made.apply_async(priority=9).get(timeout=10) == [0, 9]


async def test_it_has_no_callback(t):
    made = group(t.add.s(1, 1), t.add.s(2, 2))
    with pytest.raises(TypeError, match="chord"):
        made.link(t.note.s())
    with pytest.raises(TypeError, match="chord"):
        await made.apply_async(link=t.note.s())


async def test_an_errback_is_called_once_however_many_fail(t, worker, quiet):
    made = group(t.fail.s(1), t.add.s(1, 1), t.fail.s(2), t.fail.s(3))
    made.link_error(t.on_id.s())
    result = await made()
    await quiet()
    (failed,) = t.told
    assert failed in {result[0].id, result[2].id, result[3].id}
    assert [await each.state for each in result] == ["FAILURE", "SUCCESS", "FAILURE", "FAILURE"]


async def test_errbacks_of_members_are_their_own(t, worker, quiet):
    made = group(t.fail.s(n).on_error(t.note.si(n)) for n in range(3))
    await made()
    await quiet()
    assert sorted(t.told) == [(0,), (1,), (2,)]


async def test_the_first_error_is_raised_and_the_others_go_on(t, worker, quiet):
    result = await group(t.add.s(1, 1), t.fail.s("why"), t.add.s(1, 1) | t.fail.s())()
    with pytest.raises(ValueError, match=r"why|2"):
        await result.get(timeout=10)
    two, why, last = await result.get(timeout=10, propagate=False)
    assert (two, why.args, last.args) == (2, ("why",), (2,))


async def test_a_group_after_a_task_that_fails_can_not_run(t, worker, quiet):
    made = t.fail.s() | group(t.note.s(1), t.add.s(1) | t.note.s(2))
    result = await made.apply_async(link_error=t.note.si("once"))
    assert [each.args for each in await result.get(timeout=10, propagate=False)] == [("h",)] * 2
    await quiet()
    assert t.told == [("once",)]
    assert await result[1].parent.state == "FAILURE"


@pytest.mark.parametrize("form", ["async def", "def"])
async def test_map_starmap_and_chunks_call_many_times_in_one_go(app, t, worker, form):
    if form == "def":

        @app.task(name="proj.double")
        def double(x: int, y: int = 2) -> int:
            return x * y
    else:

        @app.task(name="proj.double")
        async def double(x: int, y: int = 2) -> int:
            return x * y

    assert await double.map(range(3)).delay().get(timeout=10) == [0, 2, 4]
    assert await double.map([]).delay().get(timeout=10) == []
    assert await double.starmap([(1, 2), (3, 4)]).delay().get(timeout=10) == [2, 12]
    assert await double.chunks(((i,) for i in range(7)), 3)().get(timeout=10) == [
        [0, 2, 4],
        [6, 8, 10],
        [12],
    ]
    assert await double.chunks(zip(range(4), range(4), strict=True), 2).group()().get(
        timeout=10
    ) == [[0, 1], [4, 9]]


async def test_map_is_immutable_and_a_step_like_any_other(t, worker):
    made = t.add.s(1, 1) | t.numbers.map([1, 2]) | t.noop.s()
    assert await made.delay().get(timeout=10) == [[[[0], [0, 1]]], {}]
    assert await (t.numbers.chunks([(1,), (2,), (3,)], 2) | t.noop.s()).delay().get(timeout=10) == [
        [[[[0], [0, 1]], [[0, 1, 2]]]],
        {},
    ]


async def test_one_call_of_map_that_fails_is_the_failure_of_all(t, worker):
    with pytest.raises(ValueError, match="7"):
        await t.fail.map([7, 8]).delay().get(timeout=10)


async def test_hundreds_begin_after_a_task(t, worker):
    made = t.add.s(1, 1) | group(t.add.s(i) for i in range(700)) | t.xsum.s()
    assert await made.delay().get(timeout=30) == sum(range(700)) + 1400


async def test_a_group_in_the_middle_of_a_chain_of_a_group(t, worker):
    inner = chain(t.add.s(1), group(t.add.s(1), t.add.s(2)), t.xsum.s())
    assert await (group(inner, inner.clone()) | t.xsum.s()).delay(10).get(timeout=10) == 50
