"""`asynq call, result, purge, list, report`."""

import asyncio
import json
import warnings
from datetime import UTC, datetime, timedelta

import pytest

from asynq.wire.message import decode


@pytest.fixture
def asynq(project):
    """`asynq -A shop …`."""
    return lambda *words, **options: project.run("-A", "shop", *words, **options)


def depths(asynq):
    return json.loads(asynq("list", "queues", "--json").out)


# call


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("shop.add", "--args", "[2, 3]"), "5"),
        (("shop.add", "-a", "[2]", "-k", '{"y": 40}'), "42"),
        (("shop.greet",), "hello you"),
        (("shop.greet", "-k", '{"name": "Ann"}', "--countdown", "0.05"), "hello Ann"),
        (("shop.add", "-a", "[1, 1]", "--priority", "9", "--serializer", "msgpack"), "2"),
    ],
)
def test_call_waits_for_the_result_and_prints_it(project, asynq, words, shown):
    with project.worker():
        assert asynq("call", *words, "--wait") == (0, f"{shown}\n", "")


def test_call_prints_the_id_by_which_result_knows_it(project, asynq):
    sent = asynq("call", "shop.add", "-a", "[2, 3]")
    assert (sent.code, sent.err) == (0, "")
    id = sent.out.strip()
    assert asynq("result", id) == (0, "PENDING\n", "")
    with project.worker():
        assert asynq("result", "--wait", id) == (0, "5\n", "")


def test_call_sends_to_the_tasks_queue_or_to_the_one_named(asynq):
    asynq("call", "shop.elsewhere")
    asynq("call", "shop.elsewhere", "-Q", "third")
    assert depths(asynq) == {"default": 0, "other": 1, "third": 1}


def received(app, *, wait):
    async def receive():
        async with app:
            return await app.broker.receive(["default"], limit=1, wait=wait)

    return asyncio.run(receive())


def test_call_can_name_a_time(project, asynq):
    later = datetime.now(UTC) + timedelta(days=300)
    assert asynq("call", "shop.add", "-a", "[1, 1]", "--eta", later.isoformat()).code == 0
    assert received(project.app, wait=0.01) == []
    assert depths(asynq) == {"default": 1}


def test_a_time_in_the_past_is_now(project, asynq):
    past = datetime.now(UTC) - timedelta(days=1)
    assert asynq("call", "shop.add", "-a", "[1, 1]", "--eta", past.isoformat()).code == 0
    [delivery] = received(project.app, wait=5)
    assert decode(delivery.body).eta == pytest.approx(past.timestamp())


@pytest.mark.parametrize("expires", ["0", "2001-01-31T08:00"])
def test_what_has_expired_is_revoked(project, asynq, expires):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        id = asynq("call", "shop.greet", "--expires", expires).out.strip()
    with project.worker():
        asynq("result", "--wait", id)
    assert asynq("result", id) == (1, "REVOKED: TaskRevokedError: expired\n", "")


def test_what_begins_in_time_has_not_expired(project, asynq):
    with project.worker():
        assert asynq("call", "shop.greet", "--expires", "60", "--wait").out == "hello you\n"


def test_a_failed_task_is_one_line_and_exit_code_1(project, asynq):
    with project.worker():
        ran = asynq("call", "shop.fail", "--wait")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: shop.fail[")
    assert ran.err.endswith("] failed: LookupError: nothing there\n")


def test_waiting_ends_when_its_time_is_over(asynq):
    ran = asynq("call", "shop.greet", "--wait", "--timeout", "0.05")
    assert ran.code == 1
    assert "no result of " in ran.err
    assert ran.err.endswith("nothing is known to have started it: does a worker serve its queue?\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("shop.add",), "add() missing 2 required positional arguments: 'x' and 'y'"),
        (("shop.add", "-a", "[1, 2, 3]"), "add() takes 2 positional arguments but 3 were given"),
        (("shop.add", "-k", '{"z": 1}'), "add() "),
        (("shop.add", "-a", "[1,"), "--args: expected a JSON list, not '[1,'"),
        (("shop.add", "-a", "7"), "--args: expected a JSON list, not '7'"),
        (("shop.add", "-k", "[]"), "--kwargs: expected a JSON object, not '[]'"),
        (("shop.greet", "--expires", "soon"), "--expires: expected a time as ISO 8601 writes it"),
        (("shop.greet", "--eta", "soon"), "--eta: expected a time as ISO 8601 writes it"),
    ],
)
def test_what_does_not_fit_is_one_line_and_nothing_is_sent(asynq, words, says):
    ran = asynq("call", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"Error: {says}")
    assert ran.err.count("\n") == 1
    assert depths(asynq) == {"default": 0}


def test_a_serializer_that_is_none_is_said(asynq):
    ran = asynq("call", "shop.greet", "--serializer", "yaml")
    assert ran.code == 1
    assert "'yaml'" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("name", ["shop.addd", "add"])
def test_a_task_the_app_does_not_have_is_sent_by_name_with_a_warning(asynq, name):
    ran = asynq("call", name)
    assert ran.code == 0
    assert ran.err == (
        f"Warning: no task {name!r} in this app: sent by its name. Did you mean shop.add?\n"
    )
    assert depths(asynq) == {"default": 1}


# result


def test_result_of_a_failed_task_is_its_error(project, asynq):
    id = asynq("call", "shop.fail").out.strip()
    with project.worker():
        asynq("result", "--wait", id)
    assert asynq("result", id) == (1, "FAILURE: LookupError: nothing there\n", "")
    traced = asynq("result", id, "--traceback")
    assert traced.code == 1
    assert traced.out.startswith("Traceback (most recent call last):\n")
    assert traced.out.endswith("LookupError: nothing\nthere\n")


def test_result_shows_what_became_of_each_run(project, asynq):
    id = asynq("call", "shop.fail").out.strip()
    with project.worker():
        asynq("result", "--wait", id)
    ran = asynq("result", id, "--attempts")
    header, attempt = ran.out.splitlines()
    assert header.split() == ["STARTED", "SECONDS", "WORKER", "STATE", "ERROR"]
    assert "FAILURE  LookupError: nothing there" in attempt


def test_result_in_json_is_for_programs(project, asynq):
    failed = asynq("call", "shop.fail").out.strip()
    rich = asynq("call", "shop.elsewhere").out.strip()
    with project.worker(queues=["default", "other"]):
        asynq("result", "--wait", failed)
        asynq("result", "--wait", rich)
    told = json.loads(asynq("result", "--json", rich).out)
    (attempt,) = told.pop("attempts")
    assert (attempt["state"], attempt["error"]) == ("SUCCESS", None)
    assert told == {"id": rich, "state": "SUCCESS", "result": [1, 2], "traceback": None}
    ran = asynq("result", "--json", failed)
    assert ran.code == 1
    told = json.loads(ran.out)
    assert told["state"] == "FAILURE"
    assert told["result"] == "LookupError: nothing there"


def test_waiting_for_a_result_ends_when_its_time_is_over(asynq):
    ran = asynq("result", "no-such-id", "--wait", "--timeout", "0.05")
    assert (ran.code, ran.out) == (1, "")
    assert "no result of no-such-id within 0.05 s" in ran.err


# purge


def fill(asynq):
    for queue in ("default", "default", "third"):
        asynq("call", "shop.greet", "-Q", queue)


def test_purge_asks_first(asynq):
    fill(asynq)
    ran = asynq("purge", typed="n\n")
    assert ran.code == 1
    assert ran.out == (
        "Throw away all tasks waiting in default, third? [y/N]: Nothing was thrown away.\n"
    )
    assert depths(asynq) == {"default": 2, "third": 1}
    ran = asynq("purge", typed="y\n")
    assert ran.code == 0
    assert ran.out.endswith("Purged 3 tasks from default, third.\n")
    assert depths(asynq) == {"default": 0, "third": 0}


def test_purge_does_nothing_where_nobody_answers(asynq):
    fill(asynq)
    assert asynq("purge").code == 1
    assert depths(asynq) == {"default": 2, "third": 1}


def test_purge_asks_nothing_with_force_and_keeps_to_the_queues_named(asynq):
    fill(asynq)
    assert asynq("purge", "-f", "-Q", "third, ") == (0, "Purged 1 task from third.\n", "")
    assert depths(asynq) == {"default": 2, "third": 0}


def test_purge_spares_what_it_is_told_to(asynq):
    fill(asynq)
    assert asynq("purge", "-f", "-X", "third").out == "Purged 2 tasks from default.\n"
    assert depths(asynq) == {"default": 0, "third": 1}
    ran = asynq("purge", "-f", "-Q", "default,third", "--exclude-queues=default")
    assert ran.out == "Purged 1 task from third.\n"


def test_purge_spares_a_queue_that_is_declared_and_was_never_used(asynq):
    asynq("call", "shop.greet", "-Q", "third")
    assert asynq("purge", "-f", "-X", "default").out == "Purged 1 task from third.\n"


def test_purge_does_nothing_when_what_to_spare_is_misspelled(asynq):
    fill(asynq)
    ran = asynq("purge", "-f", "-X", "thrid")
    assert (ran.code, ran.out) == (78, "")
    assert "queue 'thrid' can't be left out: it is not among default, third" in ran.err
    assert depths(asynq) == {"default": 2, "third": 1}


def test_purge_says_that_there_is_nothing(asynq):
    assert asynq("purge") == (0, "There is no queue.\n", "")


# list


def test_list_tasks(asynq):
    names = ["shop.add", "shop.elsewhere", "shop.fail", "shop.greet"]
    assert asynq("list", "tasks").out.splitlines() == names
    assert json.loads(asynq("list", "tasks", "--json").out) == names


def test_list_queues(asynq):
    fill(asynq)
    assert asynq("list", "queues").out.splitlines() == [
        "QUEUE    TASKS",
        "default  2",
        "third    1",
    ]


# report


def test_report_tells_versions_and_settings_without_secrets(project):
    project.write(
        "kept.py",
        "from asynq import Asynq\n"
        "app = Asynq('kept', broker='redis://me:hunter2@host/1', task_default_queue='q',\n"
        "            broker_transport_options={'password': 'hunter3'})\n",
    )
    for words in ((), ("--json",)):
        ran = project.run("-A", "kept", "report", *words)
        assert ran.code == 0
        assert "hunter" not in ran.out
        assert "redis://me:********@host/1" in ran.out
        for name in ("asynq", "python", "redis", "msgspec", "task_default_queue"):
            assert name in ran.out


def test_report_of_an_app_that_sets_nothing(project):
    project.write("bare.py", "from asynq import Asynq\napp = Asynq()\n")
    assert project.run("-A", "bare", "report").out.endswith("\nsettings\n  all defaults\n")
