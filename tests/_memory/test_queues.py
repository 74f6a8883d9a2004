"""Queues in memory, without a broker."""

from __future__ import annotations

from threading import RLock

import pytest

from asynq import _time
from asynq._memory.queues import Message, Queues


@pytest.fixture
def queues() -> Queues:
    return Queues(RLock())


def message(id: str, queue: str = "q", **more) -> Message:
    return Message(id=id, queue=queue, body=b"", **more)


def ids(messages: list[Message]) -> str:
    return "".join(one.id for one in messages)


def test_age_counts_over_all_queues_of_one_priority(queues):
    for id, queue in [("a", "one"), ("b", "two"), ("c", "one")]:
        queues.put(message(id, queue))
    assert ids(queues.take(["two", "one"], 5)) == "abc"


def test_a_queue_named_twice_is_read_once(queues):
    queues.put(message("a"))
    assert ids(queues.take(["q", "q"], 5)) == "a"


def test_what_has_been_handed_back_comes_before_the_most_urgent(queues):
    queues.put(message("a"))
    (held,) = queues.take(["q"], 1)
    queues.put(message("u", priority=9))
    queues.give_back(held)
    assert ids(queues.take(["q"], 5)) == "au"


@pytest.mark.parametrize(("priority", "order"), [(99, "xa"), (-5, "ax")])
def test_a_priority_out_of_range_counts_as_the_nearest(queues, priority, order):
    queues.put(message("a", priority=5))
    queues.put(message("x", priority=priority))
    assert ids(queues.take(["q"], 5)) == order


def test_the_next_due_time_is_the_nearest_of_the_queues_asked_for(queues):
    now = _time.time()
    queues.put(message("a", "one"), due=now + 20)
    queues.put(message("b", "two"), due=now + 10)
    queues.put(message("c", "three"), due=now + 5)
    assert queues.next_due(["one", "two"]) == now + 10
    assert queues.next_due(["four"]) is None


def test_asking_about_a_queue_does_not_make_one(queues):
    assert queues.depth("never") == queues.purge("never") == 0
    assert queues.names() == []


def test_the_youngest_dead_are_kept(queues, monkeypatch):
    monkeypatch.setattr("asynq._memory.queues.BURIED", 3)
    for id in "abcde":
        queues.put(message(id))
        queues.bury(*queues.take(["q"], 1), "why")
    assert ids([letter.message for letter in queues.buried("q")]) == "cde"


def test_another_time_wakes_who_waits_for_the_old_one(queues):
    rung = []

    class Bell:
        def ring(self):
            rung.append(1)

    later = _time.time() + 3600
    queues.put(message("a"), due=later)
    with queues.watched(["q"], Bell()):
        assert queues.reschedule("a", _time.time())
        assert not queues.reschedule("b", _time.time())
    assert rung == [1]
    assert ids(queues.take(["q"], 5)) == "a"


def test_a_delayed_message_waits_since_it_was_due_even_where_nobody_has_looked(queues, monkeypatch):
    now = _time.time()
    queues.put(message("a"), due=now + 10)
    assert queues.count("q").oldest is None
    monkeypatch.setattr(_time, "time", lambda: now + 15)
    queues.put(message("b"))
    assert queues.count("q").oldest == now + 10
    assert queues.count("nobody's").oldest is None
