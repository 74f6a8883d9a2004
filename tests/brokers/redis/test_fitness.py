"""What facts about a server mean: the good is said, the bad is said with what to do."""

from __future__ import annotations

import pytest

from asynq._redis.acl import COMMANDS
from asynq.brokers.base import Finding
from asynq.brokers.redis.fitness import Facts, judge

SOUND = {
    "server_name": "valkey",
    "valkey_version": "9.1.2",
    "redis_version": "7.2.4",
    "role": "master",
    "maxmemory": "1000000",
    "maxmemory_policy": "noeviction",
    "used_memory": "1000",
    "aof_enabled": "1",
}


def facts(**info: str) -> Facts:
    return Facts(local=True, info={**SOUND, **info}, settings={"appendfsync": "everysec"})


def about(found: list[Finding], topic: str) -> Finding:
    (finding,) = [finding for finding in found if finding.topic == topic]
    return finding


def test_a_sound_server_is_all_well():
    found = judge(facts())
    assert {finding.level for finding in found} == {"ok"}
    assert about(found, "server").text == "Valkey 9.1.2"


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("7.0.3", "error"),
        ("7.0.15", "ok"),
        ("7.2.4", "warning"),
        ("7.2.15", "ok"),
        ("8.0.3", "warning"),
        ("8.2.3", "ok"),
        ("8.8.0", "ok"),
        ("strange", "warning"),
    ],
)
def test_a_version_with_known_holes_is_told(version: str, level: str):
    found = judge(Facts(info={"redis_version": version}))
    assert about(found, "server").level == level


def test_a_series_that_gets_no_fixes_any_more_is_told_apart_from_holes():
    found = judge(Facts(info={"redis_version": "7.0.15"}))
    assert about(found, "support").level == "warning"
    assert about(found, "support").text == "the makers of Redis 7.0.15 mend this series no more"
    assert "support" not in {one.topic for one in judge(Facts(info={"redis_version": "8.8.0"}))}


@pytest.mark.parametrize(
    ("policy", "limit", "level"),
    [
        ("noeviction", "10000000", "ok"),
        ("allkeys-lru", "10000000", "error"),
        ("volatile-ttl", "10000000", "error"),
        ("allkeys-lru", "0", "warning"),
    ],
)
def test_a_server_that_throws_keys_away_is_told(policy: str, limit: str, level: str):
    found = about(judge(facts(maxmemory_policy=policy, maxmemory=limit)), "eviction")
    assert found.level == level
    assert (level == "ok") or "noeviction" in found.advice


@pytest.mark.parametrize(
    ("info", "settings", "level", "words"),
    [
        ({}, {"appendfsync": "always"}, "ok", "nothing that was acknowledged"),
        ({}, {"appendfsync": "everysec"}, "ok", "two seconds"),
        ({}, {"appendfsync": "no"}, "warning", "half a minute"),
        ({}, {"appendfsync": None}, "ok", "AOF"),
        ({"aof_enabled": "0"}, {"save": "3600 1"}, "warning", "snapshots only"),
        ({"aof_enabled": "0"}, {"save": ""}, "warning", "a restart loses all"),
        ({"aof_enabled": "0"}, {"save": None}, "warning", "a crash may lose everything"),
    ],
)
def test_what_a_crash_would_lose_is_told(
    info: dict[str, str], settings: dict[str, str | None], level: str, words: str
):
    given = facts(**info)
    given.settings = settings
    found = about(judge(given), "persistence")
    assert (found.level, words in found.text) == (level, True)


def test_a_disk_that_can_not_be_written_is_told():
    found = judge(facts(aof_last_write_status="err"))
    assert "error" in {f.level for f in found if f.topic == "persistence"}


@pytest.mark.parametrize(
    ("refused", "level", "words"),
    [
        (frozenset(), "ok", "all that a worker needs"),
        (frozenset({"xack"}), "ok", "not to run a worker: lacks XACK"),
        (frozenset({"xadd", "xack"}), "warning", "not to send: lacks XADD"),
        (frozenset(COMMANDS["worker"]), "error", "and"),
        (None, "error", "no script"),
    ],
)
def test_what_we_may_do_is_told(refused: frozenset[str] | None, level: str, words: str):
    given = facts()
    given.refused = refused
    found = about(judge(given), "permissions")
    assert (found.level, words in found.text) == (level, True)


def test_a_user_of_all_rights_is_told_where_others_reach_the_server():
    given = facts()
    given.user, given.full_rights, given.has_password = "default", True, False
    given.settings |= {"protected-mode": "no", "bind": "* -::*"}
    assert not [f for f in judge(given) if f.topic == "access"]
    given.local = False
    assert [f.level for f in judge(given) if f.topic == "access"] == ["warning", "error"]
    given.settings["bind"] = "127.0.0.1 -::1"
    assert [f.level for f in judge(given) if f.topic == "access"] == ["warning"]


def test_what_else_is_wrong_is_told():
    given = facts(used_memory="950000", role="slave", connected_clients="95", maxclients="100")
    given.latency, given.clock_ahead, given.dead = 0.2, -3.0, {"a": 2, "b": 1}
    found = judge(given)
    assert about(found, "memory").level == "warning"
    assert about(found, "role").level == "error"
    assert about(found, "connections").level == "warning"
    assert "200 ms" in about(found, "latency").text
    assert "3.0 s behind" in about(found, "clock").text
    assert about(found, "dead letters").text == "3: 2 in a, 1 in b"


def test_a_server_that_tells_nothing_of_itself_is_no_reason_to_fail():
    found = judge(Facts())
    assert about(found, "server").level == "warning"
