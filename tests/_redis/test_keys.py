from __future__ import annotations

import pytest

from asynq._redis.keys import Keys, level_of, ttl_word
from asynq.exceptions import ImproperlyConfigured


def test_every_key_carries_the_namespace_as_its_cluster_tag():
    keys = Keys("shop")
    made = [
        keys.meta,
        keys.queues,
        keys.workers,
        keys.worker_infos,
        keys.waiting,
        keys.late,
        keys.revoked,
        keys.schedules,
        keys.schedule_version,
        keys.schedule_lease,
        keys.schedule("s"),
        keys.terminated,
        *keys.lanes("q"),
        keys.delayed("q"),
        keys.delayed_messages("q"),
        keys.buried("q"),
        keys.said("c"),
        keys.marks("c"),
        keys.result("i"),
        keys.reply("c"),
    ]
    assert all(key.startswith(b"aq:{shop}:") for key in made)
    assert len(set(made)) == len(made)


def test_lanes_are_read_from_what_was_handed_back_to_the_least_urgent():
    assert Keys("a").lanes("mail") == (
        b"aq:{a}:q:mail:r",
        b"aq:{a}:q:mail:9",
        b"aq:{a}:q:mail:6",
        b"aq:{a}:q:mail:3",
        b"aq:{a}:q:mail:0",
    )


@pytest.mark.parametrize(
    ("priority", "level"),
    [(0, 0), (2, 0), (3, 3), (5, 3), (6, 6), (8, 6), (9, 9), (255, 9), (-1, 0)],
)
def test_a_priority_goes_to_the_next_level_below(priority: int, level: int):
    assert level_of(priority) == level
    assert Keys("a").lane("q", priority) == f"aq:{{a}}:q:q:{level}".encode()


@pytest.mark.parametrize("namespace", ["", "a{b", "a}b", "a b", "a\nb", "x" * 201])
def test_a_namespace_that_would_break_keys_is_refused(namespace: str):
    with pytest.raises(ImproperlyConfigured, match="namespace"):
        Keys(namespace)


@pytest.mark.parametrize(
    ("seconds", "word"),
    [(None, 0), (60, 60_000), (0.0001, 1), (1e300, 0), (float("inf"), 0), (float("nan"), 0)],
)
def test_a_lifetime_is_told_in_milliseconds_or_is_for_ever(seconds, word):
    assert ttl_word(seconds) == word
