"""What `|` and `chain` make, before anything is sent."""

import pytest

from asynq import chain, chord, group
from asynq.canvas import Chain, Chord


def test_chains_in_chains_are_one(add):
    assert add.s(1) | (add.s(2) | add.s(3)) == chain(add.s(1), add.s(2), add.s(3))
    assert chain(chain(add.s(1)), [add.s(2)][0]) == chain(add.s(1), add.s(2))


def test_a_chain_with_an_errback_of_its_own_stays_whole(add):
    inner = chain(add.s(2), add.s(3)).on_error(add.s(0))
    assert list(add.s(1) | inner) == [add.s(1), inner]
    assert list(inner | add.s(4)) == [inner, add.s(4)]


def test_a_group_followed_by_something_is_a_chord(add):
    members = group(add.s(1), add.s(2))
    assert members | add.s(3) == chord(members, add.s(3))
    assert list(add.s(0) | members | add.s(3)) == [add.s(0), chord(members, add.s(3))]
    assert members | members == chord(members, members)


def test_what_follows_a_chord_follows_its_body(add):
    made = group(add.s(1)) | add.s(2) | add.s(3)
    assert isinstance(made, Chord)
    assert made.body == add.s(2) | add.s(3)


def test_what_follows_a_chord_with_an_errback_is_not_of_it(add):
    made = (group(add.s(1)) | add.s(2)).on_error(add.s(0))
    assert list(made | add.s(3)) == [made, add.s(3)]


def test_an_empty_group_in_between_is_passed_over(add):
    assert list(add.s(1) | group([]) | add.s(2)) == [add.s(1), add.s(2)]


def test_both_sides_stay_as_they_were(add):
    left, right = add.s(1) | add.s(2), add.s(3) | add.s(4)
    assert len(left | right) == 4
    assert (len(left), len(right)) == (2, 2)


def test_options_of_chains_are_kept(add):
    made = chain(add.s(1), add.s(2), countdown=3) | add.s(3)
    assert isinstance(made, Chain)
    assert made.options == {"countdown": 3}


def test_options_stay_with_the_calls_that_they_were_said_of(add):
    left = chain(add.s(1), add.s(2), countdown=3, task_id="left", link=add.s(0))
    right = chain(add.s(3), group(add.s(4)), queue="q", task_id="right", workflow_timeout=5)
    for made in (left | right, chain(left, right), chain([left, right])):
        assert made.options == {"countdown": 3, "task_id": "right", "workflow_timeout": 5}
        ends = {"task_id": "left", "link": [add.s(0)]}
        assert [part.options for part in made] == [{}, ends, {"queue": "q"}, {}]
    assert [part.options for part in (*left, *right)] == [{}, {}, {}, {}]


def test_options_of_a_chord_stay_with_its_body(add):
    before = chord([add.s(1)], add.s(2)).set(countdown=3, task_id="body", link=add.s(0))
    made = before | add.s(3)
    assert made.options == {"countdown": 3}
    assert [part.options for part in made.body] == [{"task_id": "body", "link": [add.s(0)]}, {}]
    assert before.body.options == {}


def test_options_of_a_chain_stand_over_those_of_a_chord_in_it(add):
    before = chord([add.s(1)], add.s(2)).set(countdown=3, link=add.s(0))
    made = before | chain(add.s(3), task_id="end", link=add.s(4))
    assert made.options == {"countdown": 3, "task_id": "end", "link": [add.s(4)]}
    assert (chain(before, countdown=5) | add.s(3)).options["countdown"] == 5


def test_one_that_stands_in_it_twice_is_two_calls(add):
    twice = add.s(1)
    last = chain(twice, twice).freeze()
    assert last != last.parent
    assert len({*group(twice, twice).freeze()}) == 2
    body = chord([twice], twice).freeze()
    assert body != body.parent[0]
    assert [each.options["countdown"] for each in group(twice, twice).skew()] == [1, 2]
    linked = chain(twice, twice)
    linked.link(add.s(2))
    assert linked[0].options == {}
    assert [each.immutable for each in chain(twice, twice).set(immutable=True)] == [True, False]
    assert twice == add.s(1)


def test_what_is_changed_in_one_canvas_is_not_in_another(add):
    last = add.s(1)
    one, other, chorded = last | last, add.s(2) | last, chord([last], last)
    for each in (one, chorded):
        each.link(add.s(3))
        each.set(immutable=True)
        each.freeze()
    assert last == add.s(1)
    assert list(other) == [add.s(2), last]


def test_what_is_no_canvas_is_refused(add):
    for wrong in (5, None, "add", b"add", add):
        with pytest.raises(TypeError, match=r"chain\(\): expected signatures"):
            chain(wrong)
        with pytest.raises(TypeError, match=r"chain\(\): expected signatures"):
            chain(add.s(1), wrong)
    with pytest.raises(TypeError, match=r"signature\(\): .* is none"):
        chain({"task": 5})


def test_what_json_made_of_a_signature_is_one(add):
    plain = add.s(1).to_dict()
    assert chain(plain) == chain(add.s(1))
    assert chain(plain, plain) == add.s(1) | add.s(1)
    assert group(plain) == group([plain]) == group(add.s(1))
    assert chord([plain], plain) == chord([add.s(1)], add.s(1))
    assert chain(chain(add.s(1), add.s(2)).to_dict(), plain) == chain(add.s(1), add.s(2), add.s(1))


def test_they_show_as_they_are_written(add):
    assert repr(add.s(1, 1) | add.s(2)) == "proj.add(1, 1) | add(2)"
    assert repr(group(add.s(1)) | add.s(2)) == "%proj.add([proj.add(1)], 2)"
    assert repr(chain()) == "chain()"


def test_an_empty_chain_can_not_be_called(add):
    with pytest.raises(ValueError, match="empty"):
        chain()()


def test_what_is_no_signature_is_refused_as_chain_refuses_it(add):
    says = r"\|: expected signatures, as task\.s\(…\) makes them, got <@task: proj\.add"
    for left in (add.s(1), chain(add.s(1), add.s(2)), group(add.s(1)), chord([add.s(1)], add.s())):
        with pytest.raises(TypeError, match=says):
            left | add
        with pytest.raises(TypeError, match=says):
            add | left
    with pytest.raises(TypeError, match=r"\|: expected signatures, .*, got \(5,\)"):
        add.s(1) | (5,)


def test_what_json_made_of_one_can_stand_on_either_side(add):
    both = add.s(1) | add.s(2)
    assert add.s(1) | add.s(2).to_dict() == both
    assert add.s(1).to_dict() | add.s(2) == both


def test_who_knows_what_to_do_with_a_signature_may(add):
    class Knows:
        def __ror__(self, left):
            return left

    assert add.s(1) | Knows() == add.s(1)
