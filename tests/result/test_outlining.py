"""The tree of a workflow, in the order in which it is drawn."""

import pytest

from asynq.result.outlining import picture, spots, task_numbers
from asynq.wire.flow import Shape


def task(number, name="proj.add", **fields):
    return Shape(number=number, name=name, **fields)


def chain(*parts, **fields):
    return Shape(kind="chain", parts=parts, **fields)


def group(*parts, **fields):
    return Shape(kind="group", parts=parts, **fields)


def told(tree, **options):
    """Kind or name, how many, and where it stands."""
    return [
        (spot.shape.name or spot.shape.kind, spot.count, spot.up) for spot in spots(tree, **options)
    ]


def test_each_comes_before_what_is_in_it():
    tree = chain(task(1, "a", links=(task(2, "l"),)), task(3, "b", errbacks=(task(9, "e"),)))
    assert told(tree) == [("chain", 1, -1), ("a", 1, 0), ("l", 1, 1), ("b", 1, 0), ("e", 1, 3)]
    assert [spot.role for spot in spots(tree)] == ["part", "part", "link", "part", "errback"]
    assert [spot.last for spot in spots(tree)] == [True, False, True, True, True]


def test_a_group_and_what_comes_after_it_are_a_chord():
    assert told(chain(group(task(1, "a")), task(2, "b"))) == [
        ("chord", 1, -1), ("group", 1, 0), ("a", 1, 1), ("b", 1, 0),
    ]  # fmt: skip
    inside = told(chain(task(1, "a"), group(task(2, "b")), task(3, "c"), task(4, "d")))
    assert inside == [
        ("chain", 1, -1), ("a", 1, 0), ("chord", 1, 0), ("group", 1, 2), ("b", 1, 3), ("c", 1, 2),
        ("d", 1, 0),
    ]  # fmt: skip


def test_groups_in_a_row_and_what_comes_after_them_are_one_chord():
    tree = chain(group(task(1, "a")), group(task(2, "b")), task(3, "c"))
    assert [(name, up) for name, _, up in told(tree)] == [
        ("chord", -1), ("group", 0), ("a", 1), ("group", 0), ("b", 3), ("c", 0),
    ]  # fmt: skip


def test_a_group_at_the_end_is_a_group():
    assert told(chain(task(1, "a"), group(task(2, "b")))) == [
        ("chain", 1, -1), ("a", 1, 0), ("group", 1, 0), ("b", 1, 2),
    ]  # fmt: skip


def test_members_that_are_alike_stand_in_one_place():
    members = [chain(task(3 * n + 1, "a"), task(3 * n + 2, "b")) for n in range(10)]
    tree = group(*members, task(40, "c", many=5), chain(task(50, "a"), task(51, "c")))
    assert told(tree) == [
        ("group", 1, -1),
        ("chain", 10, 0), ("a", 10, 1), ("b", 10, 1),
        ("c", 5, 0),
        ("chain", 1, 0), ("a", 1, 5), ("c", 1, 5),
    ]  # fmt: skip
    (b,) = [spot for spot in spots(tree) if spot.shape.name == "b"]
    assert list(b.numbers) == [3 * n + 2 for n in range(10)]


def test_groups_that_are_alike_stand_in_one_place_with_all_their_members():
    tree = group(*(group(task(10 * n, many=n + 1), task(10 * n + 9, "z")) for n in range(3)))
    assert told(tree) == [("group", 1, -1), ("group", 3, 0), ("proj.add", 6, 1), ("z", 3, 1)]


def test_each_stands_for_itself_where_that_is_wanted():
    tree = group(chain(task(1), task(2)), chain(task(3), task(4)))
    assert [name for name, *_ in told(tree, alike=False)].count("chain") == 2


def test_calls_are_numbered_without_those_of_failures():
    tree = chain(task(2, many=3, errbacks=(task(9),)), group(task(6, links=(task(7),))))
    assert list(task_numbers(tree)) == [2, 3, 4, 6, 7]
    assert list(task_numbers(tree, errbacks=True)) == [2, 3, 4, 9, 6, 7]


@pytest.mark.parametrize(
    ("tree", "line"),
    [
        (task(1), "add"),
        (chain(task(1), group(task(3, "proj.mul", many=10)), task(9, "xsum")),
         "add | group(mul × 10) | xsum"),
        (group(task(1, "a"), task(2, "b", many=2000)), "group(a, b × 2,000)"),
        (group(chain(task(1, "a"), task(2, "b")), chain(task(3, "a"), task(4, "b"))),
         "group((a | b) × 2)"),
        (group(chain(task(1, "a"), group(task(2, "b"))), task(3, "c")), "group((a | group(b)), c)"),
        (group(), "group()"),
        (task(1, ""), "task"),
        (task(1, "x\x1b[31m"), "x\\u001b[31m"),
    ],
)  # fmt: skip
def test_a_picture_is_one_line(tree, line):
    assert picture(tree) == line


def test_a_picture_that_would_be_long_is_cut():
    line = picture(group(*(task(n, f"task_{n}") for n in range(10_000))))
    assert line.startswith("group(task_0, task_1, ")
    assert line.endswith("…")
    assert len(line) == 60


def test_a_tree_may_be_deep():
    tree = task(1)
    for _ in range(5000):
        tree = group(chain(tree, task(2)))
    assert len(spots(tree)) == 15_001
    assert picture(tree).startswith("group((group((")
