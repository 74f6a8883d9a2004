"""Asking workers: who answers, who does not, and how long that takes."""

import asyncio
import statistics
import warnings

import pytest

from asynq._time import monotonic
from asynq.control import DuplicateNodenameWarning
from asynq.control.orders import CHANNEL, Answer, Order, closed
from asynq.worker.commands.desk import Desk
from tests.waiting import until


async def test_nobody_there_is_no_answer_at_once(app):
    began = monotonic()
    answers = await app.control.inspect(timeout=30).active()
    assert answers == {}
    assert (answers.silent, answers.down) == ({}, {})
    assert await app.control.ping(timeout=30) == []
    assert monotonic() - began < 10


async def test_all_answer_by_their_names_without_waiting_for_the_time_to_be_over(app, start):
    await start("a@h", "b@h")
    began = monotonic()
    assert await app.control.inspect(timeout=30).ping() == {
        "a@h": {"ok": "pong"},
        "b@h": {"ok": "pong"},
    }
    assert monotonic() - began < 10


async def test_celerys_form_is_a_list(app, start):
    await start("a@h")
    assert await app.control.ping() == [{"a@h": {"ok": "pong"}}]
    assert await app.control.broadcast("ping", reply=True) == [{"a@h": {"ok": "pong"}}]
    assert await app.control.broadcast("ping") is None


async def test_one_that_is_idle_is_not_one_that_is_silent(app, start, monkeypatch):
    await start("idle@h", "deaf@h")
    monkeypatch.setattr(Desk, "_is_new", lambda self, _: self._panel.hostname != "deaf@h")
    answers = await app.control.inspect(timeout=0.3).active()
    assert answers == {"idle@h": []}
    assert answers.down == {}
    assert 0.3 <= answers.silent["deaf@h"] < 10


async def test_one_that_vanished_is_down_and_one_that_was_stopped_is_not(app, start):
    await start("here@h")
    await app.broker.announce("gone@h", b"{}", ttl=0.05)
    await app.broker.announce("stopped@h", b"{}", ttl=60)
    await app.broker.announce("stopped@h", b"{}", ttl=0)

    async def over():
        return "gone@h" not in await app.broker.workers()

    await until(over)
    answers = await app.control.inspect(timeout=30).ping()
    assert answers == {"here@h": {"ok": "pong"}}
    assert list(answers.down) == ["gone@h"]
    assert 0.05 <= answers.down["gone@h"] < 15


async def test_those_that_are_named_are_asked(app, start):
    await start("a@h", "b@h", "c@h")
    inspect = app.control.inspect
    assert list(await inspect(["b@h"]).ping()) == ["b@h"]
    assert sorted(await inspect(pattern="[ab]@*").ping()) == ["a@h", "b@h"]
    assert sorted(await inspect(pattern="[bc]@", matcher="pcre").ping()) == ["b@h", "c@h"]
    assert len(await inspect(limit=2).ping()) == 2
    nowhere = await inspect(["nowhere@h"], timeout=30).ping()
    assert (nowhere, nowhere.down) == ({}, {"nowhere@h": None})


async def test_each_answer_can_be_seen_as_it_comes(app, start):
    await start("a@h", "b@h")
    seen = []
    await app.control.inspect(callback=seen.append).ping()
    assert sorted(map(list, seen)) == [["a@h"], ["b@h"]]


async def test_many_may_ask_at_the_same_time(app, start):
    await start("a@h", "b@h")
    inspect = app.control.inspect()
    asked = await asyncio.gather(*(inspect.ping() for _ in range(20)), inspect.clock())
    assert all(len(answers) == 2 for answers in asked)
    assert all("clock" in answer for answer in asked[-1].values())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"timeout": 0}, "timeout: expected seconds above 0"),
        ({"pattern": "a", "matcher": "fuzzy"}, "expected 'glob' or 'pcre', got 'fuzzy'"),
        ({"pattern": "(", "matcher": "pcre"}, "is no regular expression"),
    ],
)
async def test_what_makes_no_sense_is_said(app, options, says):
    with pytest.raises(ValueError, match=says):
        await app.control.inspect(**options).ping()


async def test_two_of_one_name_are_warned_of(app, start, monkeypatch):
    await start("a@h", "b@h")

    def by_another_process(self, order, answer):
        return closed(Answer(order.ticket, "a@h", id(self), answer), order.reply_to, None)

    monkeypatch.setattr(Desk, "_closed", by_another_process)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await app.control.inspect(timeout=0.3).ping()
    assert [each.category for each in caught] == [DuplicateNodenameWarning]


async def test_a_command_that_is_not_known_is_answered_so(app, start):
    await start("a@h")
    answers = await app.control.inspect().ask("dance")
    assert "no such command: 'dance'. There are " in answers["a@h"]["error"]


async def test_what_a_command_does_not_take_is_answered_so(app, start):
    await start("a@h")
    answers = await app.control.inspect().ask("ping", loud=True)
    assert "TypeError: ping() got an unexpected keyword argument 'loud'" in answers["a@h"]["error"]


async def test_a_command_is_carried_out_once_and_not_when_it_is_old(app, start, caplog):
    worker = await start("a@h", concurrency=5)
    now = app.broker.now()
    grow = Order(command="pool_grow", ticket="1", at=now)
    stale = Order(command="pool_grow", ticket="2", at=now - 1000)
    for order in (grow, grow, stale, Order(command="pool_grow", ticket="3", at=now)):
        await app.broker.fanout().publish(CHANNEL, closed(order, CHANNEL, None))
    await app.control.inspect().ping()  # by then it has heard the others
    stats = await app.control.inspect().stats()
    assert stats[worker.hostname]["pool"]["max-concurrency"] == 7
    assert "'pool_grow' was said 1000 s ago, and is not carried out any more" in caplog.text


async def test_a_worker_that_shall_not_heed_commands_does_not(app, start):
    app.conf.worker_enable_remote_control = False
    await start("a@h")
    answers = await app.control.inspect(timeout=0.2).ping()
    assert (answers, list(answers.silent)) == ({}, ["a@h"])


async def test_twenty_workers_answer_within_300_ms(app, start):
    names = [f"w{number}@h" for number in range(20)]
    await start(*names)
    took = []
    for _ in range(5):
        began = monotonic()
        assert sorted(await app.control.inspect(timeout=30).ping()) == sorted(names)
        took.append(monotonic() - began)
    assert min(took) < 0.3, f"median {statistics.median(took):.3f} s"


class TestWithKeys:
    """Commands and answers are signed as messages are."""

    @pytest.fixture(autouse=True)
    def _keys(self, app):
        app.conf.message_keys = "k:" + "x" * 32

    async def test_who_has_the_keys_is_answered(self, app, start):
        await start("a@h")
        assert await app.control.inspect().ping() == {"a@h": {"ok": "pong"}}

    async def test_who_has_not_is_not_heeded(self, app, start, caplog):
        await start("a@h", concurrency=5)
        order = Order(command="pool_grow", ticket="1", at=app.broker.now())
        await app.broker.fanout().publish(CHANNEL, closed(order, CHANNEL, None))
        stats = await app.control.inspect().stats()
        assert stats["a@h"]["pool"]["max-concurrency"] == 5
        assert "said to all workers that can't be trusted: bad signature" in caplog.text

    async def test_an_answer_that_is_not_signed_is_not_believed(self, app, start, monkeypatch):
        await start("a@h")
        monkeypatch.setattr(Desk, "_closed", lambda *_: b'{"ticket":"","hostname":"a@h"}')
        answers = await app.control.inspect(timeout=0.3).ping()
        assert (answers, list(answers.silent)) == ({}, ["a@h"])
