"""`asynq inspect`, `asynq status` and `asynq control`, in the form of Celery's commands."""

import json
import re

import pytest

from asynq.control.orders import Answer, closed
from asynq.worker.commands.desk import Desk

COMMAND = """
from asynq.control import control_command, inspect_command


@control_command(args=[("n", int)], signature="[N=1]")
def increase(state, n=1):
    "Increase something."
    return {"ok": f"increased by {n}"}


@inspect_command
async def shelf(state):
    raise LookupError("no such shelf")
"""


@pytest.fixture
def shop(project):
    """The project, with a worker that runs."""
    with project.worker(hostname="w@h", concurrency=5):
        yield project


@pytest.mark.parametrize(
    "words", [("-A", "shop", "inspect", "active"), ("inspect", "-A", "shop", "active", "-t", "5")]
)
def test_idle_is_empty(shop, words):
    assert shop.run(*words) == (0, "->  w@h: OK\n    - empty -\n\n1 node online.\n", "")


def test_items_have_a_star(shop):
    ran = shop.run("-A", "shop", "inspect", "registered")
    assert ran.out == (
        "->  w@h: OK\n    * shop.add\n    * shop.elsewhere\n    * shop.fail\n    * shop.greet\n\n"
        "1 node online.\n"
    )
    ran = shop.run("-A", "shop", "inspect", "registered", "queue")
    assert "    * shop.elsewhere [queue=other]\n" in ran.out


def test_a_scheduled_task_is_shown(shop):
    id = shop.run(
        "-A", "shop", "call", "shop.add", "-a", "[1, 2]", "--countdown", "100"
    ).out.strip()
    ran = shop.run("-A", "shop", "inspect", "scheduled", "-d", "w@h")
    assert re.search(
        rf"    \* {{'eta': '20.*'id': '{id}', 'name': 'shop.add', 'args': \[1, 2\]", ran.out
    )
    told = json.loads(shop.run("-A", "shop", "inspect", "scheduled", "--json").out)
    assert told["w@h"][0]["request"]["id"] == id


def test_settings_and_numbers_are_json(shop):
    ran = shop.run("-A", "shop", "inspect", "stats", "-j")
    assert json.loads(ran.out)["w@h"]["pool"]["max-concurrency"] == 5
    ran = shop.run("-A", "shop", "inspect", "conf")
    assert '        "accept_content": [\n' in ran.out
    assert (
        "->  w@h: OK\n        software -> asynq:" in shop.run("-A", "shop", "inspect", "report").out
    )


def test_status_says_who_is_there(shop):
    ran = shop.run("-A", "shop", "status")
    assert ran == (0, "->  w@h: OK\n        pong\n\n1 node online.\n", "")
    assert json.loads(shop.run("-A", "shop", "status", "--json").out) == {"w@h": {"ok": "pong"}}


@pytest.mark.filterwarnings("always::asynq.control.DuplicateNodenameWarning")
@pytest.mark.parametrize("words", [("status",), ("inspect", "active"), ("ping",)])
def test_two_of_one_name_are_one_line(shop, words, monkeypatch):
    def by_another_process(self, order, answer):
        return closed(Answer(order.ticket, "w@h", id(self), answer), order.reply_to, None)

    monkeypatch.setattr(Desk, "_closed", by_another_process)
    with shop.worker(hostname="x@h"):
        ran = shop.run("-A", "shop", *words, "-t", "0.5")
    says = "Warning: several workers are called w@h: start each with a name of its own, -n NAME"
    assert says in ran.err.splitlines()
    assert ".py" not in ran.err


@pytest.mark.parametrize(
    "words",
    [("inspect", "active"), ("status",), ("control", "pool_grow"), ("inspect", "ping", "-j")],
)
def test_nobody_there_is_exit_code_69(project, words):
    ran = project.run("-A", "shop", *words)
    assert ran.code == 69
    assert ran.err == "Error: No nodes replied within time constraint: no worker is alive\n"


def test_one_that_is_asked_by_name_and_not_there_is_named(shop):
    ran = shop.run("-A", "shop", "inspect", "ping", "-d", "w@h, gone@h")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "1 node online.")
    assert ran.err == "Warning: gone@h is down: nothing was heard of it\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("pool_grow", "2"), "pool will grow"),
        (("pool_shrink",), "pool will shrink"),
        (("add_consumer", "foo"), "add consumer foo"),
        (("cancel_consumer", "default"), "no longer consuming from default"),
        (("rate_limit", "shop.add", "10/m"), "new rate limit set successfully"),
        (("rate_limit", "shop.add", "0"), "rate limit disabled successfully"),
        (("time_limit", "shop.add", "1", "2"), "time limits set successfully"),
        (("autoscale", "10", "2"), "autoscale now max=10 min=2"),
        (("heartbeat",), "announced"),
        (("shutdown",), "shutting down"),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else "",
)
def test_workers_are_changed(shop, words, says):
    ran = shop.run("-A", "shop", "control", *words)
    assert ran == (0, f"->  w@h: OK\n        {says}\n", "")


def test_an_error_is_shown_and_is_exit_code_1(shop):
    ran = shop.run("-A", "shop", "control", "rate_limit", "shop.nope", "10/m")
    assert (ran.code, ran.out) == (1, "->  w@h: ERROR\n        unknown task: 'shop.nope'\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("inspect", "actve"), "there is no 'actve'; did you mean active? There are active, "),
        (("inspect", "pool_grow"), "say asynq control pool_grow"),
        (("control", "ping"), "say asynq inspect ping"),
        (("control", "dance"), "there is no 'dance'; There are add_consumer, "),
        (("control", "rate_limit"), "expected asynq control rate_limit TASK RATE: TASK is missing"),
        (("control", "pool_grow", "many"), "pool_grow [N=1]: n: 'many'"),
        (("control", "pool_grow", "1", "2"), "'2' is one word too many"),
        (("control", "revoke", "x", "-d", "w@h"), "leave --destination out"),
        (("control", "pool_grow", "--terminate"), "--terminate belongs to `control revoke ID…`"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_is_said_wrongly_is_exit_code_2(project, words, says):
    ran = project.run("-A", "shop", *words)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_the_help_lists_the_commands(project):
    said = project.run("inspect", "--help").out
    assert "registered [ATTRIBUTE…]" in said
    assert "rate_limit TASK RATE" in project.run("control", "--help").out


def test_commands_of_ones_own_are_called(project):
    project.write("more.py", COMMAND)
    project.write("shop.py", (project.directory / "shop.py").read_text() + "\nimport more\n")
    with project.worker(hostname="w@h"):
        ran = project.run("-A", "shop", "control", "increase", "3")
        assert ran == (0, "->  w@h: OK\n        increased by 3\n", "")
        ran = project.run("-A", "shop", "inspect", "shelf")
        assert (ran.code, ran.out) == (
            1,
            "->  w@h: ERROR\n        LookupError: no such shelf\n\n1 node online.\n",
        )
