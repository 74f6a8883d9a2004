"""Chords: what the body gets, whatever it is and whatever the header is made of."""

from datetime import date

from asynq import GroupResult, chain, chord, group


async def test_the_body_gets_the_list_before_its_own_arguments(t, worker):
    made = chord([t.add.s(1, 1), t.add.s(2, 2)], t.noop.s("i", z=1))
    assert await made().get(timeout=10) == [[[2, 4], "i"], {"z": 1}]


async def test_it_is_written_in_four_ways(t, worker):
    header = [t.add.s(1, 1), t.add.s(2, 2)]
    for call in (
        chord(header)(t.xsum.s()),
        chord(header, t.xsum.s())(),
        chord((each for each in header), t.xsum.s()).delay(),
        (group(header) | t.xsum.s()).apply_async(),
    ):
        assert await call.get(timeout=10) == 6


async def test_values_are_in_the_order_of_the_header(t, worker, app):
    @app.task(bind=True, max_retries=1)
    async def slow(self, value, seconds):
        if seconds and not self.request.retries:
            raise self.retry(countdown=seconds)
        return value

    members = [slow.s(n, seconds) for n, seconds in enumerate([0.3, 0, 0.15, 0])]
    made = chord([members[0], group(members[1:3]), members[3]], t.noop.s())
    assert await made().get(timeout=10) == [[[0, 1, 2, 3]], {}]


async def test_an_immutable_body_gets_nothing(t, worker):
    assert await chord([t.add.s(1, 1)], t.noop.si(5))().get(timeout=10) == [[5], {}]


async def test_a_header_of_one_gives_a_list_and_an_empty_one_an_empty_list(t, worker):
    assert await chord([t.add.s(1, 1)], t.noop.s())().get(timeout=10) == [[[2]], {}]
    assert await chord([], t.noop.s())().get(timeout=10) == [[[]], {}]
    assert await chord([], t.noop.si())().get(timeout=10) == [[], {}]
    assert await chord(group([]), t.xsum.s() | t.add.s(5))().get(timeout=10) == 5


async def test_empty_headers_in_a_row_give_one_empty_list(t, worker):
    for made in (
        chord([], chord([], t.noop.s("own"))),
        chord([], chord([], chord([], t.noop.s("own")))),
        chain(group([]), chord([], t.noop.s("own"))),
        chain(group([]), group([]), t.noop.s("own")),
    ):
        assert await made.apply_async().get(timeout=10) == [[[], "own"], {}]


async def test_an_empty_group_among_the_members_is_none_however_it_is_written(t, worker):
    for hidden in (group([]), chain(group([])), chord([], group([])), chain(group([]), group([]))):
        made = chord([t.add.s(1, 1), hidden], t.noop.s())
        assert await made().get(timeout=10) == [[[2]], {}]
        assert await chord([hidden], t.noop.s())().get(timeout=10) == [[[]], {}]
        assert await group(hidden, t.add.s(1, 1))().get(timeout=10) == [2]
        assert await group(hidden)().get(timeout=10) == []
        assert await hidden.apply_async(link_error=t.on_id.s()).get(timeout=10) == []


async def test_the_body_may_be_a_chain_a_group_or_a_chord(t, worker):
    header = [t.add.s(1, 1), t.add.s(2, 2)]
    assert await chord(header, t.xsum.s() | t.add.s(1))().get(timeout=10) == 7
    result = await chord(header, group(t.xsum.s(), t.noop.s()))()
    assert isinstance(result, GroupResult)
    assert await result.get(timeout=10) == [6, [[[2, 4]], {}]]
    body = chord([t.xsum.s(), t.xsum.s()], t.xsum.s())
    assert await chord(header, body)().get(timeout=10) == 12


async def test_chords_in_a_header_give_what_their_bodies_return(t, worker):
    inner = chord([t.add.s(1, 1), t.add.s(2, 2)], t.xsum.s())
    assert await chord([inner, inner.clone()], t.noop.s())().get(timeout=10) == [[[6, 6]], {}]
    deep = chord([chord([inner.clone(), t.add.s(1, 1)], t.xsum.s()), t.add.s(1, 1)], t.xsum.s())
    assert await deep().get(timeout=10) == 10


async def test_members_may_end_with_groups(t, worker):
    ends = t.add.s(1, 1) | group(t.add.s(1), t.add.s(2) | group(t.add.s(3), t.add.s(4)))
    assert await chord([ends, t.add.s(0, 0)], t.noop.s())().get(timeout=10) == [
        [[[3, [7, 8]], 0]],
        {},
    ]


async def test_the_parent_of_the_result_is_the_header(t, worker):
    result = await chord([t.add.s(1, 1), t.add.s(2, 2)], t.xsum.s())()
    assert isinstance(result.parent, GroupResult)
    assert await result.parent.get(timeout=10) == [2, 4]
    assert result.parent.parent is None
    assert await result.get(timeout=10) == 6


async def test_after_a_task_the_parent_of_the_header_is_that(t, worker):
    result = await (t.add.s(1, 1) | group(t.add.s(1), t.add.s(2)) | t.xsum.s()).delay()
    assert await result.get(timeout=10) == 7
    header = result.parent
    assert await header.parent.get(timeout=10) == 2
    assert header.parent.children == [header]
    assert [member.parent for member in header] == [header.parent, header.parent]


async def test_frozen_ids_are_those_of_the_results(t, worker):
    made = chord([t.add.s(1, 1), t.add.s(2, 2)], t.xsum.s() | t.add.s(1))
    handle = made.freeze("mine")
    result = await made()
    assert result.id == handle.id == "mine"
    assert await handle.get(timeout=10) == 7
    header = handle.parent.parent
    assert await header.get(timeout=10) == [2, 4]
    assert header == result.parent.parent


async def test_options_are_the_headers_and_the_id_the_bodys(t, worker, app):
    @app.task(bind=True)
    async def told(self, before=None):
        return [self.request.priority, before]

    call = chord([told.s(), told.s()], told.s()).apply_async(task_id="mine", priority=6)
    assert call.id == "mine"
    assert await call.get(timeout=10) == [0, [[6, None], [6, None]]]


async def test_a_callers_arguments_are_the_headers(t, worker):
    made = chord([t.add.s(1), t.add.s(2)], t.xsum.s())
    assert await made.apply_async((10,)).get(timeout=10) == 23


async def test_a_link_is_the_bodys(t, worker, quiet):
    made = chord([t.add.s(1, 1), t.add.s(2, 2)], t.xsum.s())
    made.link(t.note.s())
    await made.apply_async(link=t.note.s("given"))
    await quiet()
    assert sorted(t.told, key=len) == [(6,), (6, "given")]


async def test_what_ignores_its_result_still_counts(t, worker):
    header = [t.add.s(1, 1).set(ignore_result=True), t.add.s(2, 2)]
    result = await chord(header, t.xsum.s())()
    assert await result.get(timeout=10) == 6
    assert await result.parent[0].state == "PENDING"


async def test_a_member_that_is_retried_counts_once(t, worker):
    made = chord([t.later.s(succeed_at=2), t.add.s(1, 1), t.later.s(succeed_at=1)], t.noop.s())
    assert await made().get(timeout=10) == [[[2, 2, 1]], {}]


async def test_large_values_and_headers(t, worker, app):
    @app.task
    async def text(n):
        return f"{n:03}" * 2000

    @app.task
    async def joined(values):
        return [len(values), values[0][:3], values[-1][:3]]

    made = group(text.s(n) for n in range(120)) | joined.s()
    assert await made().get(timeout=30) == [120, "000", "119"]


async def test_values_are_read_as_they_were_annotated(t, worker, app):
    @app.task
    async def day(n: int) -> date:
        return date(2026, 1, n)

    @app.task
    async def latest(days: list[date]) -> date:
        return max(days)

    assert await chord([day.s(1), day.s(2)], latest.s())().get(timeout=10) == date(2026, 1, 2)


async def test_chords_and_groups_in_a_row_on_both_sides(t, worker):
    made = (
        t.numbers.s(3)
        | t.xsum.s()
        | group(t.add.s(1), t.add.s(2))
        | group(t.xsum.s(), t.xsum.s())
        | t.xsum.s()
        | group(t.add.s(1))
        | t.xsum.s()
    )
    assert await made().get(timeout=10) == 19
