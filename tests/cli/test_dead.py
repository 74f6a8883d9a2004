"""`asynq dead list, show, retry, purge`."""

import asyncio
import json

import pytest

from asynq.brokers.base import Bury, Parcel, Settlement


@pytest.fixture
def asynq(project):
    """`asynq -A shop …`."""
    return lambda *words, **options: project.run("-A", "shop", *words, **options)


def bury(project, *parcels, reason="no good"):
    """Send what is given, and put it aside."""

    async def put():
        async with project.app as app:
            await app.broker.publish(parcels)
            for parcel in parcels:
                (delivery,) = await app.broker.receive([parcel.queue], limit=1, wait=5)
                await app.broker.settle([Settlement(delivery=delivery, verdict=Bury(reason))])

    asyncio.run(put())


def letter(id, *, body=b'{"task":"shop.add","args":[2,3]}', queue="default"):
    return Parcel(id=id, queue=queue, body=body)


def listed(asynq, *words):
    return [each["id"] for each in json.loads(asynq("dead", "list", "--json", *words).out)]


def test_where_there_are_none_it_says_so(asynq):
    assert asynq("dead", "list") == (0, "No dead letters.\n", "")
    assert listed(asynq) == []


def test_they_are_listed_with_their_reason(project, asynq):
    bury(project, letter("a"), letter("b", body=b"\x00"), reason="DecodeError: \x1b[31mno\n" * 9)
    header, a, b = asynq("dead", "list").out.splitlines()
    assert header.split() == ["ID", "TASK", "QUEUE", "AT", "(UTC)", "REASON"]
    assert a.startswith("a   shop.add      default  20")
    assert b.startswith("b   (unreadable)  default  20")
    assert a.endswith("…")
    assert "DecodeError: \\u001b[31mno DecodeError" in a


def test_a_queues_own_are_listed(project, asynq):
    bury(project, letter("a"), letter("b", queue="other"))
    assert listed(asynq) == ["a", "b"]
    assert listed(asynq, "--queue", "other") == ["b"]


def test_one_is_shown_with_its_arguments(project, asynq):
    bury(project, letter("a"))
    shown = asynq("dead", "show", "a").out.splitlines()
    assert [line.split()[0] for line in shown] == [
        "task", "id", "queue", "reason", "at", "retries", "redeliveries", "args", "kwargs",
    ]  # fmt: skip
    assert "args          [2, 3]" in shown
    (told,) = json.loads(asynq("dead", "show", "a", "--json").out)
    assert (told["args"], told["kwargs"], told["attempts"]) == ([2, 3], {}, [])


def test_one_that_can_not_be_read_is_shown_as_it_is(project, asynq):
    bury(project, letter("a", body=b"\x00nonsense"))
    assert "b'\\x00nonsense'" in asynq("dead", "show", "a").out


def test_the_runs_before_are_shown(project, asynq):
    tried = b'{"task":"t","attempts":[{"started":0,"seconds":1,"state":"RETRY","error":"E: x"}]}'
    bury(project, letter("a", body=tried))
    assert asynq("dead", "show", "a").out.splitlines()[-1].endswith("RETRY  E: x")


@pytest.mark.parametrize("command", ["show", "retry", "purge"])
def test_an_id_that_no_letter_has_is_said(project, asynq, command):
    bury(project, letter("a"))
    ran = asynq("dead", command, "x")
    assert (ran.code, ran.err) == (1, "Error: no dead letter of x\n")
    assert listed(asynq) == ["a"]


def test_some_are_run_again(project, asynq):
    bury(project, letter("a"), letter("b"))
    assert asynq("dead", "retry", "a") == (0, "Sent 1 letter back.\n", "")
    assert listed(asynq) == ["b"]
    with project.worker():
        assert asynq("result", "--wait", "a").out == "5\n"


def test_all_are_run_again_when_one_is_sure(project, asynq):
    bury(project, letter("a"), letter("b", queue="other"))
    refused = asynq("dead", "retry", "--all", typed="n\n")
    assert (refused.code, listed(asynq)) == (1, ["a", "b"])
    assert asynq("dead", "retry", "--all", "-Q", "other", "--yes").out == "Sent 1 letter back.\n"
    agreed = asynq("dead", "retry", "--all", typed="y\n")
    assert (agreed.code, listed(asynq)) == (0, [])


def test_some_are_thrown_away(project, asynq):
    bury(project, letter("a"), letter("b"))
    assert asynq("dead", "purge", "b") == (0, "Threw 1 letter away.\n", "")
    assert listed(asynq) == ["a"]


def test_all_are_thrown_away_when_one_is_sure(project, asynq):
    bury(project, letter("a"), letter("b"), letter("c", queue="other"))
    assert asynq("dead", "purge", "--all", typed="n\n").code == 1
    assert asynq("dead", "purge", "--all", "-Q", "default", "-y").out == "Threw 2 letters away.\n"
    assert listed(asynq) == ["c"]


@pytest.mark.parametrize("words", [("retry",), ("purge",), ("retry", "a", "--all")], ids=" ".join)
def test_which_must_be_said(asynq, words):
    ran = asynq("dead", *words)
    assert (ran.code, ran.err) == (2, "Error: say which: the ids of tasks, or --all\n")
