"""`asynq workflow list, show, cancel`."""

import asyncio
import json

import pytest

from asynq import chain, chord
from asynq.wire.ids import nth


@pytest.fixture
def asynq(project):
    """`asynq -A shop …`."""
    return lambda *words, **options: project.run("-A", "shop", *words, **options)


@pytest.fixture
def sent(project):
    """The id of a workflow: three calls of `add`, and one of `greet` with their values."""

    async def send():
        async with project.app as app:
            add, greet = app.tasks["shop.add"], app.tasks["shop.greet"]
            result = await chord((add.s(i, 1) for i in range(3)), greet.s())()
            return result.workflow_id, result.id

    return asyncio.run(send())


@pytest.fixture
def id(sent):
    return sent[0]


def test_where_there_are_none_it_says_so(asynq):
    assert asynq("workflow", "list") == (0, "No workflows.\n", "")
    assert json.loads(asynq("workflow", "list", "--json").out) == []


def test_they_are_listed(asynq, id):
    header, row = asynq("workflow", "list").out.splitlines()
    assert header.split() == ["ID", "BEGAN", "(UTC)", "IDLE", "STATE", "TASKS", "WORKFLOW"]
    assert row.startswith(f"{id}  20")
    assert row.endswith("goes on  4      group(add × 3) | greet")


def test_they_are_listed_for_programs(asynq, id):
    (told,) = json.loads(asynq("workflow", "list", "--json").out)
    assert (told["id"], told["over"], told["tasks"]) == (id, None, 4)
    assert told["began"].endswith("+00:00")
    assert told["idle"] >= 0


def test_some_are_listed(project, asynq, id):
    async def another():
        async with project.app as app:
            add = app.tasks["shop.add"]
            return (await chain(add.s(1, 1), add.s(1))()).workflow_id

    second = asyncio.run(another())
    listed = json.loads(asynq("workflow", "list", "--json", "--limit", "1").out)
    assert [each["id"] for each in listed] == [second]
    listed = json.loads(asynq("workflow", "list", "--json", "--stale", "0").out)
    assert [each["id"] for each in listed] == [second, id]
    assert asynq("workflow", "list", "--stale", "3600").out == "No workflows.\n"


@pytest.mark.parametrize("option", ["--limit=0", "--stale=-1"])
def test_nonsense_is_refused(asynq, option):
    assert asynq("workflow", "list", option).code == 2


def test_one_is_shown_as_a_tree(asynq, sent):
    id, end = sent
    facts, tree = asynq("workflow", "show", id).out.split("\n\n")
    known = dict(line.split(maxsplit=1) for line in facts.splitlines())
    assert (known["workflow"], known["state"], known["tasks"]) == (id, "goes on", "4 PENDING")
    assert tree.splitlines() == [
        "chord",
        "├─ group",
        "│  └─ shop.add × 3  3 PENDING",
        f"└─ shop.greet  PENDING  {end}",
    ]


def test_one_that_is_over_is_shown_so(project, asynq, sent):
    id, end = sent
    with project.worker():
        asynq("result", "--wait", end)
    shown = asynq("workflow", "show", id).out
    assert "state     SUCCESS\ntasks     4 SUCCESS" in shown


def test_one_is_drawn(asynq, id):
    assert asynq("workflow", "show", id, "--dot").out.startswith("digraph workflow {")
    assert asynq("workflow", "show", id, "--mermaid").out.startswith("flowchart LR")
    told = json.loads(asynq("workflow", "show", id, "--json").out)
    assert (told["workflow"], told["tree"]["kind"]) == (id, "chord")


def test_one_is_drawn_in_one_way(asynq, id):
    ran = asynq("workflow", "show", id, "--dot", "--json")
    assert (ran.code, ran.err) == (2, "Error: say one of --dot and --json\n")


def test_one_is_cancelled_when_one_is_sure(project, asynq, sent):
    id, end = sent
    refused = asynq("workflow", "cancel", id, typed="n\n")
    assert refused.code == 1
    assert "Cancel group(add × 3) | greet, begun at 20" in refused.out
    assert refused.out.endswith("Nothing was done.\n")
    agreed = asynq("workflow", "cancel", id, typed="y\n")
    assert agreed.code == 0
    assert agreed.out.endswith("Cancelled the workflow: 4 tasks were not over.\n")
    with project.worker():
        ended = asynq("result", "--wait", end)
    assert (ended.code, "ChordError" in ended.out) == (1, True)


def test_one_is_cancelled_without_a_question(asynq, id):
    ran = asynq("workflow", "cancel", id, "--yes")
    assert ran == (0, "Cancelled the workflow: 4 tasks were not over.\n", "")


@pytest.mark.parametrize("words", [("show",), ("cancel",), ("cancel", "--yes")], ids=" ".join)
def test_an_id_of_no_workflow_says_what_to_do(asynq, id, words):
    ran = asynq("workflow", *words, nth(id, 2))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"Error: no workflow {nth(id, 2)} is kept. Give a workflow's id")
    assert "result.workflow_id" in ran.err
    assert ran.err.count("\n") == 1
