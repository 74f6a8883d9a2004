"""Several calls as one."""

import json

import pytest

from asynq import Asynq, GroupResult, Worker, chord, group, signature
from asynq.canvas import Chord


async def test_a_group_gives_its_values_in_the_order_it_was_declared(add, worker):
    result = await group(add.s(i, i) for i in range(10))()
    assert isinstance(result, GroupResult)
    assert await result == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]


async def test_it_is_sent_and_awaited_in_one_go(add, worker):
    assert await group(add.s(1, 1), add.s(2, 2))().get(timeout=10) == [2, 4]
    assert await group([add.s(1, 1), add.s(2, 2)]).delay().get(timeout=10) == [2, 4]


async def test_a_callers_arguments_go_to_each_member(add, worker):
    assert await group(add.s(i) for i in range(3))(10).get(timeout=10) == [10, 11, 12]


async def test_an_empty_group_has_no_values(app):
    assert await group([])().get(timeout=10) == []


async def test_a_groups_results_are_read_where_its_members_are(app, add, worker):
    other = Asynq("other", broker="memory://other")
    result = await group(add.s(1, 1))()
    assert (await result.get(timeout=10), await result.state) == ([2], "SUCCESS")
    frozen = group(add.s(1, 1)).freeze()
    assert {result._results, frozen._results} == {app.results}
    assert app.results is not other.results


async def test_groups_in_groups_are_taken_apart(add, worker):
    inner = group(add.s(2), add.s(3)).set(priority=3)
    nested = group(add.s(1), inner)
    assert len(nested) == 3
    assert [each.options for each in nested] == [{}, {"priority": 3}, {"priority": 3}]
    assert await nested(10).get(timeout=10) == [11, 12, 13]
    assert inner[0].options == {}, "the inner group stays as it was"


async def test_options_are_for_all_members(app, worker):
    @app.task(bind=True)
    async def priority(self):
        return self.request.priority

    members = group(priority.s() for _ in range(2)).set(priority=3)
    assert await members().get(timeout=10) == [3, 3]
    assert await members.apply_async(priority=9).get(timeout=10) == [9, 9]


async def test_the_id_is_the_groups_own(add, worker):
    call = group(add.s(1, 1), add.s(2, 2)).apply_async(task_id="the-group")
    result = await call
    assert (call.id, result.id) == ("the-group", "the-group")
    assert len({"the-group", *(member.id for member in result)}) == 3


async def test_freezing_settles_all_ids(add, worker):
    members = group(add.s(1, 1), add.s(2, 2))
    handle = members.freeze()
    result = await members()
    assert (result.id, list(result)) == (handle.id, list(handle))
    assert await handle.get(timeout=10) == [2, 4]


async def test_nothing_is_sent_where_one_member_is_wrong(app, add):
    with pytest.raises(TypeError, match="takes"):
        await group(add.s(1, 1), add.s(1, 2, 3))()
    assert await app.broker.depth("default") == 0


def test_what_is_no_signature_is_refused(add):
    with pytest.raises(TypeError, match="expected signatures"):
        group(add.s(1, 1), 5)
    with pytest.raises(TypeError, match="expected signatures"):
        group(add)


def test_a_group_that_says_what_becomes_of_failures_is_one_member(add):
    bearing = group(add.s(1), add.s(2), errors="ignore", least=1)
    telling = group(add.s(1), add.s(2)).on_error(add.si(0, 0))
    for inner in (bearing, telling):
        for made in (group(inner), group([inner]), group(add.s(3), inner), chord([inner], add.s())):
            members = made.header if isinstance(made, Chord) else made
            assert members[-1] == inner
            assert signature(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize("least", ["1", 1.0, True])
def test_least_is_a_number(add, least):
    with pytest.raises(TypeError, match=r"group\(\): least: expected a whole number"):
        group(add.s(1), errors="ignore", least=least)
    with pytest.raises(TypeError, match=r"chord\(\): least: expected a whole number"):
        chord([add.s(1)], add.s(2), errors="ignore", least=least)


def test_no_fewer_than_no_members_must_succeed(add):
    with pytest.raises(ValueError, match=r"group\(\): least: expected 0 or more, got -1"):
        group(add.s(1), errors="ignore", least=-1)
    with pytest.raises(ValueError, match=r"chord\(\): least: expected 0 or more, got -1"):
        chord([add.s(1)], add.s(2), least=-1)
    with pytest.raises(ValueError, match=r"least=1: .* is for errors='collect' or 'ignore'"):
        group(add.s(1), least=1)


@pytest.mark.parametrize("said", [{"errors": "collect"}, {"least": 1}])
def test_what_becomes_of_failures_is_said_where_it_is_made(add, said):
    for made in (group(add.s(1)), chord([add.s(1)], add.s(2))):
        with pytest.raises(TypeError, match=r"where a group is made: group\(…, errors=…, least="):
            made.set(**said)


def test_no_more_members_must_succeed_than_there_are(add):
    with pytest.raises(ValueError, match=r"group\(\): least=3: there are 2 members only"):
        group(add.s(1), add.s(2), errors="ignore", least=3)
    with pytest.raises(ValueError, match=r"chord\(\): least=1: there are 0 members only"):
        chord([], add.s(2), errors="collect", least=1)


def test_a_chord_says_what_its_header_does_not(add):
    header = group(add.s(1), add.s(2), errors="ignore", least=2)
    made = chord(header, add.s(3), errors="collect").header
    assert (made.errors, made.least) == ("collect", 2)
    made = chord(header, add.s(3), least=1).header
    assert (made.errors, made.least) == ("ignore", 1)
    made = chord(header, add.s(3), errors="fail").header
    assert (made.errors, made.least) == ("fail", 0)
    assert (header.errors, header.least) == ("ignore", 2)


def test_a_body_that_is_no_signature_is_refused(add):
    for made in (lambda body: chord([add.s(1)], body), chord([add.s(1)])):
        for wrong in (add, "add"):
            with pytest.raises(TypeError, match=r"chord\(\): body: expected signatures"):
                made(wrong)


def test_an_option_that_does_not_exist_is_refused(add):
    with pytest.raises(TypeError, match="countdown"):
        group(add.s(1, 1)).set(contdown=3)


def test_members_may_start_one_after_the_other(add):
    def delays(members):
        return [member.options["countdown"] for member in members]

    assert delays(group(add.s(i, i) for i in range(4)).skew()) == [1, 2, 3, 4]
    assert delays(group(add.s(i, i) for i in range(5)).skew(0, 1.5, 0.5)) == [0, 0.5, 1, 0, 0.5]
    with pytest.raises(ValueError, match="upwards"):
        group(add.s(1, 1)).skew(step=0)


async def test_a_clone_has_more_arguments_for_each_member(add, worker):
    first = group(add.s(1), add.s(2))
    assert await first.clone((10,))().get(timeout=10) == [11, 12]
    assert first[0] == add.s(1)


async def test_an_immutable_group_leaves_a_callers_arguments_out(add, worker):
    assert await group(add.s(1, 1)).set(immutable=True)(5).get(timeout=10) == [2]


async def test_it_runs_here(add):
    assert await group(add.s(i) for i in range(3)).apply((10,)).get() == [10, 11, 12]


async def test_eager_mode_runs_it_here_too(namespace):
    app = Asynq(namespace, broker="memory://", task_always_eager=True)

    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    assert await group(add.s(i, i) for i in range(3))().get() == [0, 2, 4]


def test_it_shows_as_what_it_is(add):
    assert repr(group(add.s(1, 1), add.s(2))) == "group([proj.add(1, 1), proj.add(2)])"


async def test_thousands_are_sent_over_one_connection(url, namespace):
    app = Asynq(namespace, broker=url)

    @app.task
    async def same(x: int) -> int:
        return x

    async with app, Worker(app):
        result = await group(same.s(i) for i in range(3000))()
        assert await result.get(timeout=30) == list(range(3000))
