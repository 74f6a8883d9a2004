"""Numbers, and what the end of each step does."""

import pytest

from asynq import chain, chord, group
from asynq.canvas.plan import AT_ONCE, Plan
from asynq.canvas.tree import Leaf
from asynq.wire.ids import nth


@pytest.fixture
def plan(app):
    return lambda canvas: Plan(canvas.tree(), app.producer)


def flows(plan):
    return {leaf.number: plan._flow(leaf) for leaf in plan.leaves}


def test_a_chain_is_numbered_from_its_outside(plan, add):
    made = plan(chain(add.s(1, 1), add.s(2), add.s(3)))
    assert [leaf.number for leaf in made.leaves] == [2, 3, 4]
    assert (made.root.number, made.root.end, made.main) == (1, 5, 4)
    first, second, last = flows(made).values()
    assert (first.start, second.start, last.start) == (((3, 3),), ((4, 4),), ())
    assert (first.takes, second.takes) == ("", nth(made.id, 2))
    assert [each.last for each in (first, second, last)] == [False, False, True]
    assert {each.up for each in (first, second, last)} == {1}


def test_members_fill_a_join_that_begins_the_body(plan, add):
    made = plan(chord([add.s(1, 1), add.s(2, 2)], add.s()))
    one, two, body = flows(made).values()
    assert (one.join, two.join, body.join) == ((2, 0), (2, 1), None)
    assert not one.bare
    assert body.values_of == 2
    join = made.joins()[2]
    assert (join.size, join.start, join.join, join.over) == (2, ((5, 5),), None, False)


def test_values_that_nobody_reads_are_not_kept(plan, add):
    for made in (
        plan(group(add.s(1, 1) | add.s(1), add.s(1, 1))),
        plan(chord([add.s(1, 1), add.s(1, 1)], add.si(1, 1))),
    ):
        assert all(flow.bare for flow in flows(made).values() if flow.join is not None)


def test_a_group_at_the_end_ends_the_workflow(plan, add):
    made = plan(add.s(1, 1) | group(add.s(1), add.s(2)))
    (join,) = made.joins().values()
    assert (join.size, join.over) == (2, True)
    assert not any(flow.last for flow in flows(made).values())


def test_a_join_in_a_join_is_a_value_of_it(plan, add):
    made = plan(chord([add.s(1, 1) | group(add.s(1), add.s(2)), add.s(1, 1)], add.s()))
    outer, inner = sorted(made.joins())
    assert made.joins()[inner].join == (outer, 0)


def test_links_begin_with_their_value_and_do_not_end_the_workflow(plan, add):
    made = plan(add.s(1, 1).set(link=[add.s(1), add.s(2) | add.s(3)]))
    first, *links = flows(made).values()
    assert first.start == ((2, 2), (4, 4))
    assert (first.last, first.end) == (True, 6)
    assert not any(flow.last for flow in links)
    assert links[0].takes == made.id_of(1)


def test_errbacks_have_the_last_numbers(plan, add):
    made = plan(chain(add.s(1, 1).on_error(add.s()), add.s(2)).on_error(add.s() | add.s(1)))
    assert made.main == 3
    step = flows(made)[2]
    ((own, _),) = step.errbacks
    ((whole, _),) = made.root.errbacks_at
    assert min(own, whole) > made.main
    assert flows(made)[own].failed
    assert not flows(made)[own].takes


def test_a_large_group_is_begun_by_a_step_of_our_own(plan, add):
    made = plan(add.s(1, 1) | group(add.s(n) for n in range(AT_ONCE + 1)))
    first = flows(made)[2]
    ((begin, last),) = first.start
    assert begin == last > made.main
    small = plan(add.s(1, 1) | group(add.s(n) for n in range(AT_ONCE)))
    assert flows(small)[2].start == ((4, AT_ONCE + 3),)


def test_ids_that_were_chosen_are_kept(plan, add):
    made = plan(chain(add.s(1, 1).set(task_id="first"), add.s(1)).set(task_id="last"))
    assert [made.id_of(leaf) for leaf in made.leaves] == ["first", "last"]
    assert flows(made)[3].takes == "first"


def test_an_id_is_of_one_call(plan, add):
    once, twice = add.s(1, 1).set(task_id="mine"), add.s(1).set(task_id="mine")
    for made in (once | twice, chord([once], twice), once.set(link=twice), group(once | once)):
        with pytest.raises(ValueError, match=r"task_id: 'mine' is said of two calls"):
            plan(made)


def test_a_message_does_not_grow_with_what_follows(plan, add):
    short, long = (plan(chain([add.s(1, 1), *(add.s(1) for _ in range(n))])) for n in (3, 300))
    assert flows(short)[2].start == flows(long)[2].start


def test_a_tree_is_as_flat_as_it_can_be(add):
    tree = chain(add.s(1, 1), chain(add.s(1), chain(add.s(2)))).tree()
    assert all(isinstance(part, Leaf) for part in tree.parts)
    assert isinstance(chain(add.s(1, 1)).tree(), Leaf)
