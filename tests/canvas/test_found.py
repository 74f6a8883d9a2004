"""What `test_any_canvas` has found, each as small as it can be: by workers, and here."""

import json

import pytest

from asynq import Worker, chain, chord, group, signature
from asynq.exceptions import ChordError
from tests.waiting import until


@pytest.fixture(params=["worker", "apply"])
async def play(request, app):
    """Runs a canvas to its end; gives its value, errors in the place of values."""

    async def empty():
        return await app.connections.broker().depth("default") == 0

    async def play(canvas, *args):
        if request.param == "apply":
            return await (await canvas.apply(args)).get(propagate=False)
        async with Worker(app):
            value = await canvas.delay(*args).get(timeout=10, propagate=False)
            await until(empty)
            return value

    return play


@pytest.fixture
def echo(app):
    @app.task
    async def echo(*args):
        return ["error" if isinstance(each, BaseException) else each for each in args]

    return echo


@pytest.fixture
def flat(app):
    @app.task
    async def flat(values):
        return [type(each).__name__ if isinstance(each, BaseException) else each for each in values]

    return flat


@pytest.fixture
def fail(app):
    @app.task
    async def fail(*args):
        raise ValueError("no")

    return fail


@pytest.fixture
def told(app):
    """What errbacks were told: the first of their own arguments, and the kind of error."""
    return []


@pytest.fixture
def tell(app, told):
    @app.task
    async def tell(request, error, traceback, who):
        told.append((who, type(error).__name__))

    return tell


async def test_an_errback_may_have_named_arguments_of_its_own(play, app, fail):
    told = []

    @app.task
    async def tell(request, error, traceback, *, who):
        told.append((who, str(error)))

    await play(fail.s().on_error(tell.s(who="me")))
    assert told == [("me", "no")]


async def test_an_errback_is_told_where_all_is_eager(app, fail, tell, told):
    app.conf.task_always_eager = True
    await fail.s().on_error(tell.s("me")).delay()
    assert told == [("me", "ValueError")]


async def test_a_group_that_bears_errors_has_not_failed(play, echo, fail, tell, told):
    await play(group(fail.s(), echo.s(1), errors="collect").on_error(tell.s("group")))
    await play(group(fail.s(), echo.s(1), errors="ignore").on_error(tell.s("group")))
    assert told == []


async def test_the_first_call_of_a_body_is_told_too(play, echo, fail, tell, told):
    body = chain(echo.s().on_error(tell.s("first")), echo.s()).on_error(tell.s("body"))
    assert isinstance(await play(chord([fail.s()], body)), ChordError)
    assert sorted(told) == [("body", "ChordError"), ("first", "ChordError")]


async def test_the_header_that_a_body_begins_with_is_told_too(play, echo, fail, tell, told):
    inner = chord(group(echo.s()).on_error(tell.s("header")), echo.s()).on_error(tell.s("chord"))
    assert isinstance(await play(chord([fail.s()], inner)), ChordError)
    assert sorted(told) == [("chord", "ChordError"), ("header", "ChordError")]


async def test_what_follows_a_chain_that_ends_with_a_group_is_its_body(
    play, echo, fail, tell, told
):
    before = chain(echo.s(1), group(fail.s(), echo.s())).on_error(tell.s("chain"))
    error = await play(before | echo.s().on_error(tell.s("body")))
    assert isinstance(error, ChordError)
    assert sorted(told) == [("body", "ChordError"), ("chain", "ValueError")]


async def test_a_group_that_has_not_begun_makes_no_chord_error(play, echo, fail, tell, told):
    before = chain(fail.s(), group(echo.s(), echo.s())).on_error(tell.s("chain"))
    error = await play(before | echo.s().on_error(tell.s("after")))
    assert isinstance(error, ValueError)
    assert told == [("chain", "ValueError")]


@pytest.mark.parametrize("errors", ["collect", "ignore"])
async def test_least_holds_for_a_body_that_takes_no_values(play, echo, fail, errors):
    header = group(fail.s(), echo.s(1), errors=errors, least=2)
    error = await play(header | echo.si("ran"))
    assert isinstance(error, ChordError)
    assert str(error).startswith("1 of 2 succeeded, and 2 must")
    assert await play(group(fail.s(), echo.s(1), errors=errors, least=1) | echo.si(2)) == [2]


async def test_where_least_is_missed_each_member_of_a_body_fails(play, echo, fail, tell, told):
    header = group(fail.s(), echo.s(1), errors="collect", least=2)
    body = group(echo.s().on_error(tell.s("first")), echo.s()).on_error(tell.s("group"))
    values = await play(header | body)
    assert [*map(type, values)] == [ChordError, ChordError]
    assert sorted(told) == [("first", "ChordError"), ("group", "ChordError")]


async def test_a_group_in_a_group_bears_its_own_errors(play, echo, fail, flat):
    inner = chain(echo.s(1), group(fail.s(), echo.s(2), errors="ignore"))
    assert await play(group(inner, echo.s(3)) | flat.s()) == [[[[1], 2]], [3]]


async def test_a_group_among_members_tells_its_own_errors_once(play, echo, fail, tell, told):
    inner = group(fail.s(), fail.s()).on_error(tell.s("inner"))
    [failed, value] = await play(group(inner, echo.s(3)))
    assert [type(each) for each in failed] == [ValueError, ValueError]
    assert value == [3]
    assert told == [("inner", "ValueError")]
    assert await play(group(group(fail.s(), echo.s(1), errors="ignore"), echo.s(3)) | echo.s()) == [
        [[[1]], [3]]
    ]


async def test_a_group_in_a_group_may_have_too_few_values(play, echo, fail, flat):
    inner = chain(echo.s(1), group(fail.s(), echo.s(2), errors="ignore", least=2))
    assert await play(group(inner, echo.s(3), errors="collect") | flat.s()) == ["ChordError", [3]]


async def test_a_group_in_the_place_of_a_task_fails_as_a_chord(play, app, echo, fail):
    @app.task(bind=True)
    async def replace(self, by):
        raise self.replace(signature(by))

    by = group(fail.s(), echo.s(1)).to_dict()
    error = await play(replace.s(by) | echo.s())
    assert isinstance(error, ChordError)
    assert await play(replace.s(group([]).to_dict()) | echo.s()) == [[]]


def _collected(fail, echo, *, body=None, inside=False):
    collected = group(fail.s(), echo.s(1), errors="collect")
    if inside:
        return group(chain(echo.s(0), collected), echo.s(2))
    return collected if body is None else collected | body


@pytest.mark.parametrize("inside", [False, True])
async def test_collected_errors_are_no_result_to_end_with(play, app, echo, fail, inside):
    @app.task(bind=True)
    async def replace(self, by):
        raise self.replace(signature(by))

    by = _collected(fail, echo, inside=inside).to_dict()
    error = await play(replace.s(by) | echo.s())
    assert isinstance(error, ValueError)
    assert str(error).startswith("a group with errors='collect' can't stand in for a task")


async def test_collected_errors_may_go_to_what_ends_it(play, app, echo, fail, flat):
    @app.task(bind=True)
    async def replace(self, by):
        raise self.replace(signature(by))

    by = _collected(fail, echo, body=flat.s()).to_dict()
    assert await play(replace.s(by) | echo.s()) == [["ValueError", [1]]]


async def test_a_member_without_calls_is_left_out(play, echo):
    assert await play(group(chain(group([])), echo.s(1)) | echo.s()) == [[[1]]]


async def test_too_few_values_before_an_empty_group_are_too_few_after_it(play, echo, fail):
    few = group(echo.s(1), fail.s(), errors="collect", least=2)
    assert isinstance(await play(few | chord([], echo.s())), ChordError)


async def test_what_nobody_checked_needs_so_many_all_the_same(play, echo):
    many = group(echo.s(1), echo.s(2), errors="collect", least=2)
    many.least = 3
    error = await play(many | echo.s())
    assert isinstance(error, ChordError)
    assert str(error) == "2 of 2 succeeded, and 3 must"


async def test_an_errback_without_calls_is_none(play, fail):
    assert isinstance(await play(fail.s().on_error(group([]))), ValueError)


def test_chunks_are_the_same_after_json(echo):
    chunks = echo.chunks([[1], [2], [3]], 2)
    assert signature(json.loads(json.dumps(chunks.to_dict()))) == chunks
    assert chunks != group(echo.s(1))


@pytest.fixture
def more(app):
    @app.task(bind=True, max_retries=1)
    async def more(self, *added, fails="", by=None):
        for each in added:
            self.add_to_chord(signature(each))
        if fails == "once" and not self.request.retries:
            raise self.retry(countdown=0)
        if fails == "always":
            raise ValueError("no")
        if by is not None:
            raise self.replace(signature(by))
        return "more"

    return more


async def test_members_are_added_in_every_place(play, more, echo):
    one, two = echo.si(1).to_dict(), chain(echo.si(2), echo.s()).to_dict()
    adds = more.si(one, more.si(two).to_dict())
    expected = [["more", [0], [1], "more", [[2]]]]
    assert await play(chord([adds, echo.s(0)], echo.s())) == expected
    assert await play(chord([echo.s(0) | adds, echo.s(0)], echo.s())) == expected
    assert await play(chord([chord([adds, echo.s(0)], echo.s())], echo.s())) == [[expected]]


async def test_a_run_that_does_not_return_adds_nothing(play, more, echo, flat):
    one = echo.si(1).to_dict()
    assert await play(chord([more.si(one, fails="once")], echo.s())) == [["more", [1]]]
    failed = chord([more.si(one, fails="always"), echo.s(0)], flat.s(), errors="collect")
    assert await play(failed) == ["ValueError", [0]]
    assert await play(chord([more.si(one, by=one)], echo.s())) == [[[1]]]


async def test_what_takes_a_members_place_may_add(play, more, echo):
    one = echo.si(1).to_dict()
    for by in (more.si(one), echo.s(0) | more.si(one)):
        assert await play(chord([more.si(by=by.to_dict())], echo.s())) == [["more", [1]]]


async def test_an_added_member_fails_as_any_other(play, more, echo, fail, flat, tell, told):
    header = [more.si(fail.si().to_dict()), echo.s(0)]
    error = await play(chord(header, echo.s()).on_error(tell.s("chord")))
    assert isinstance(error, ChordError)
    assert told == [("chord", "ChordError")]
    assert await play(chord(header, flat.s(), errors="collect")) == ["more", [0], "ValueError"]
    broken = await play(chord([more.si(chain().to_dict())], flat.s(), errors="collect"))
    assert broken == ["ValueError"]


async def test_there_is_nothing_to_add_to_where_no_member_ends(play, more, echo):
    for canvas in (more.si(echo.si(1).to_dict()), chord([echo.s()], more.si(echo.si(1).to_dict()))):
        assert str(await play(canvas)).endswith("there is nothing to add to")
    inside = await play(chord([more.si(echo.si(1).to_dict()) | echo.s()], echo.s()))
    assert isinstance(inside, ChordError)
