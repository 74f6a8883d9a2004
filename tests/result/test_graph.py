"""The tree of a workflow with states, as a value."""

import json
from datetime import UTC, datetime

import pytest

from asynq.result.graph import Graph
from asynq.wire.flow import Shape
from asynq.wire.ids import new_block, nth

ID = new_block(100)


@pytest.fixture
def graph():
    task = Shape(number=5, name="xsum", errbacks=(Shape(number=6, name="tell"),))
    members = Shape(kind="group", number=2, parts=(Shape(number=3, name="proj.add", many=2),))
    return Graph(
        workflow=ID,
        tree=Shape(kind="chain", number=1, parts=(members, task)),
        ids={5: "mine"},
        states={3: "SUCCESS", 5: "STARTED", 6: "STARTED"},
        began=datetime(2026, 1, 1, tzinfo=UTC),
        idle=3.0,
    )


def test_every_task_has_an_id_and_a_state(graph):
    expected = {nth(ID, 3): "SUCCESS", nth(ID, 4): "PENDING", "mine": "STARTED"}
    assert dict(graph.tasks) == expected
    assert graph.counts() == {"SUCCESS": 1, "PENDING": 1, "STARTED": 1}


def test_it_is_its_tree_as_text(graph):
    assert str(graph).splitlines()[0] == "chord"
    assert repr(graph) == "<Graph: group(add × 2) | xsum>"


def test_programs_get_all_of_it(graph):
    assert json.loads(json.dumps(graph.to_dict())) == {
        "workflow": ID,
        "began": "2026-01-01T00:00:00+00:00",
        "idle": 3.0,
        "over": None,
        "states": {"SUCCESS": 1, "PENDING": 1, "STARTED": 1},
        "tree": {
            "kind": "chord",
            "parts": [
                {
                    "kind": "group",
                    "parts": [
                        {
                            "kind": "task",
                            "name": "proj.add",
                            "tasks": [
                                {"id": nth(ID, 3), "state": "SUCCESS"},
                                {"id": nth(ID, 4), "state": "PENDING"},
                            ],
                        }
                    ],
                },
                {
                    "kind": "task",
                    "name": "xsum",
                    "tasks": [{"id": "mine", "state": "STARTED"}],
                    "errbacks": [
                        {
                            "kind": "task",
                            "name": "tell",
                            "tasks": [{"id": nth(ID, 6), "state": "STARTED"}],
                        }
                    ],
                },
            ],
        },
    }
