"""The tree of a workflow as text, for Graphviz and for Mermaid."""

import re

import pytest

from asynq.result.graph import Graph
from asynq.wire.flow import Shape
from asynq.wire.ids import new_block, nth

ID = new_block(1000)

NASTY = 'x"]; end --> \\" <img onerror=1> %%{init: {}}%% `y` &amp; #35; \x1b[31m\n'


def task(number, name="proj.add", **fields):
    return Shape(number=number, name=name, **fields)


def chain(*parts, **fields):
    return Shape(kind="chain", parts=parts, **fields)


def group(*parts, **fields):
    return Shape(kind="group", parts=parts, **fields)


def graph(tree, **states):
    return Graph(
        workflow=ID, tree=tree, states={int(number[1:]): state for number, state in states.items()}
    )


def arrows(drawn):
    """Which box leads to which, by their names."""
    names = dict(re.findall(r'(n\d+) \[label="([^\\"]*)', drawn))
    found = re.findall(r"(\w+) -> (\w+)", drawn)
    return sorted((names.get(begin, begin), names.get(end, end)) for begin, end in found)


def test_a_tree_of_text_has_states_and_ids():
    tree = chain(task(2), task(3, "proj.mul", links=(task(4, "log"),), errbacks=(task(9, "tell"),)))
    assert str(graph(tree, n2="SUCCESS", n3="STARTED")) == "\n".join(
        [
            "chain",
            f"├─ proj.add  SUCCESS  {nth(ID, 2)}",
            f"└─ proj.mul  STARTED  {nth(ID, 3)}",
            f"   ├─ link: log  PENDING  {nth(ID, 4)}",
            f"   └─ on error: tell  PENDING  {nth(ID, 9)}",
        ]
    )


def test_of_many_it_is_told_how_many_are_in_which_state():
    tree = chain(group(task(3, many=5)), task(9, "proj.xsum"))
    states = {"n3": "PROGRESS", "n4": "SUCCESS", "n5": "SUCCESS", "n6": "STARTED"}
    assert str(graph(tree, **states)).splitlines()[:-1] == [
        "chord",
        "├─ group",
        "│  └─ proj.add × 5  2 SUCCESS, 1 STARTED, 1 PENDING, 1 PROGRESS",
    ]


def test_of_many_those_that_have_failed_are_named():
    few = str(graph(group(task(2, many=9)), n4="FAILURE", n5="REVOKED"))
    assert few.endswith(f"1 FAILURE, 1 REVOKED, 7 PENDING  ({nth(ID, 4)}, {nth(ID, 5)})")
    many = str(graph(group(task(2, many=9)), **{f"n{n}": "FAILURE" for n in range(2, 11)}))
    assert many.endswith(f"9 FAILURE  ({nth(ID, 2)}, {nth(ID, 3)}, {nth(ID, 4)}, … 6 more)")


def test_a_drawing_says_what_follows_what():
    tree = chain(task(1, "a"), group(task(3, "b"), task(4, "c")), task(5, "d"))
    drawn = graph(tree).to_dot()
    assert arrows(drawn) == [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]
    assert re.search(r'subgraph cluster_\d+ \{ label="group";', drawn)


def test_where_several_lead_to_several_they_meet():
    tree = chain(
        group(*(task(n, f"a{n}") for n in range(50))), group(*(task(n, f"b{n}") for n in range(50)))
    )
    drawn = graph(tree).to_dot()
    assert len(arrows(drawn)) == 100
    assert 'label="all"' in drawn
    assert len(re.findall(r"-->", graph(tree).to_mermaid())) == 100


def test_what_follows_in_some_cases_only_is_dashed():
    tree = group(task(1, "a", links=(task(2, "l"),)), task(3, "b"), errbacks=(task(9, "e"),))
    drawn = graph(tree).to_dot()
    assert drawn.count('[style=dashed, label="link"]') == 1
    assert drawn.count('[style=dashed, label="on error"]') == 2
    assert arrows(drawn) == [("a", "e"), ("a", "l"), ("b", "e")]
    frame = drawn[drawn.index("subgraph") : drawn.index("\n  }")]
    assert ('"l' in frame, '"e' in frame) == (True, False)


def test_a_place_has_the_colour_of_the_worst_in_it():
    def colours(**states):
        return re.search(r'fillcolor="(.*)"', graph(group(task(1, many=3)), **states).to_dot())[1]

    pending, failed = colours(), colours(n1="FAILURE", n2="SUCCESS", n3="REVOKED")
    done = colours(n1="SUCCESS", n2="SUCCESS", n3="SUCCESS")
    goes_on = colours(n1="SUCCESS")
    assert len({pending, failed, done, goes_on}) == 4
    assert colours(n1="SUCCESS", n2="PROGRESS") == goes_on
    assert colours(n1="REVOKED", n2="RETRY") not in {pending, failed, done, goes_on}


def test_mermaid_frames_groups():
    drawn = graph(chain(group(task(3, many=2)), task(5, "b")), n3="SUCCESS").to_mermaid()
    assert drawn.splitlines()[:5] == [
        "flowchart LR",
        '  subgraph g1 ["group"]',
        '    n2["proj.add × 2<br/>1 SUCCESS, 1 PENDING"]',
        "  end",
        '  n3["b<br/>PENDING"]',
    ]
    assert "  n2 --> n3" in drawn


@pytest.mark.parametrize("where", ["name", "state", "id"])
def test_a_text_of_somebody_else_stays_one(where):
    number = 1
    drawn = Graph(
        tree=task(number, NASTY if where == "name" else "t"),
        ids={number: NASTY if where == "id" else "i"},
        states={number: NASTY if where == "state" else "SUCCESS"},
    )
    assert len(str(drawn).splitlines()) == 1
    assert "\x1b" not in str(drawn)
    dot = drawn.to_dot()
    (label,) = re.findall(r'n0 \[label="((?:[^"\\\n]|\\.)*)", fillcolor="#\w+"\];\n\}$', dot)
    assert len(dot.splitlines()) == 6
    mermaid = drawn.to_mermaid()
    (box,) = re.findall(r'^  n0\["(.*)"\]$', mermaid, re.MULTILINE)
    assert len(mermaid.splitlines()) == 4
    assert not set('"[]{}%\\&`\x1b') & set(box)
    assert box.count("<") == 1  # of our <br/>
    if where != "id":
        assert "\\\\u001b" in label


def test_a_long_name_is_cut():
    assert len(str(graph(task(1, "x" * 5000)))) < 200
