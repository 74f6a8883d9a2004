"""Workflows of any shape are drawn, or told as text."""

import re

import pytest

from asynq.result.graph import Graph
from asynq.web.views.drawn import drawn
from asynq.wire.flow import Shape
from tests.web.conftest import HOSTILE

ID = "019acd52-1c2d-7000-8000-0123456789ab"


def task(number, name="proj.add", **more):
    return Shape(number=number, name=name, **more)


def graph(tree, **states):
    return Graph(workflow=ID, tree=tree, states={int(k[1:]): v for k, v in states.items()})


def boxes(markup):
    """Left, top, right and bottom of every task."""
    found = re.findall(
        r'<rect x="([^"]+)" y="([^"]+)" width="([^"]+)" height="([^"]+)" rx="7"', markup
    )
    numbers = [[*map(float, each)] for each in found]
    return [(x, y, x + width, y + height) for x, y, width, height in numbers]


def test_what_follows_is_on_the_right_and_what_runs_at_once_is_below():
    tree = Shape(kind="chain", parts=(
        task(1), Shape(kind="group", parts=(task(2, "a"), task(3, "b"))), task(4),
    ))  # fmt: skip
    first, above, below, last = boxes(drawn(graph(tree)))
    assert first[2] < above[0] == below[0]
    assert above[3] < below[1]
    assert above[2] < last[0]
    assert first[1] == last[1] == (above[1] + below[1]) / 2


@pytest.mark.parametrize(
    "tree",
    [
        task(1),
        task(1, many=500),
        Shape(kind="group", parts=(task(1, links=(task(2),), errbacks=(task(3),)), task(4, "b"))),
        Shape(kind="group", parts=tuple(
            Shape(kind="chain", parts=(task(2 * n), task(2 * n + 1, "b"))) for n in range(9)
        )),
        Shape(kind="group"),
    ],
)  # fmt: skip
def test_nothing_is_drawn_over_anything_else(tree):
    markup = drawn(graph(tree))
    found = boxes(markup)
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', markup).groups())
    for place, (left, top, right, bottom) in enumerate(found):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        for other in found[place + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_states_are_seen_and_lead_to_their_tasks():
    tree = Shape(kind="chain", parts=(task(1), task(2, "b")))
    markup = drawn(graph(tree, n1="SUCCESS", n2="FAILURE"))
    assert markup.count('href="task?id=') == 2
    assert ("f-good" in markup, "f-bad" in markup, "f-wait" in markup) == (True, True, False)


def test_names_are_text_in_a_drawing_too():
    markup = drawn(graph(task(1, HOSTILE)))
    assert "<script" not in markup
    assert "<img" not in markup


def test_what_is_too_large_or_too_deep_is_told_as_text():
    wide = Shape(kind="chain", parts=tuple(task(n, f"t{n}") for n in range(1, 2000)))
    deep = task(1)
    for number in range(2, 3000):
        deep = Shape(
            kind="chain" if number % 2 else "group", parts=(deep, task(number, f"t{number}"))
        )
    for tree in (wide, deep):
        assert drawn(graph(tree)).startswith('<pre class="tree">')
