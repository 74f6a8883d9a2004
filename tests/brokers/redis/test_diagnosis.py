"""A look at a real server finds what is there, changes nothing, and needs no special right."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from asynq._redis.acl import rules
from asynq.brokers.base import Finding
from asynq.brokers.redis.broker import RedisBroker
from asynq.exceptions import OperationalError
from tests.servers import ServerFactory


async def look(url: str, namespace: str = "app") -> dict[str, Finding]:
    broker = RedisBroker(url, namespace=namespace, publish_timeout=1.0)
    try:
        found: Sequence[Finding] = await broker.diagnose()
    finally:
        await broker.aclose()
    return {finding.topic: finding for finding in found}


async def test_a_server_made_for_tasks_is_found_sound_and_left_as_it_was(own_server: ServerFactory):
    private = own_server(durable=True)
    found = await look(private.url)
    assert {topic for topic, one in found.items() if one.level != "ok"} <= {"support"}
    assert found["persistence"].text == (
        "AOF, appendfsync always: nothing that was acknowledged is lost"
    )
    assert private.command("KEYS", "*") == []
    name = "Valkey 9" if private.kind == "valkey" else "Redis 7"
    assert found["server"].text.startswith(name)


async def test_a_server_that_may_lose_tasks_is_found_out(own_server: ServerFactory):
    private = own_server(config={"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"})
    private.command("SADD", "aq:{app}:queues", "q")
    private.command("XADD", "aq:{app}:dlq:q", "*", "why", "x")
    found = await look(private.url)
    assert found["eviction"].level == "error"
    assert found["persistence"].level == "warning"
    assert found["dead letters"].text == "1: 1 in q"


@pytest.mark.parametrize("role", ["monitor", "producer", "worker"])
async def test_a_user_of_few_rights_learns_what_they_are_enough_for(
    own_server: ServerFactory, role: str
):
    private = own_server()
    private.command("ACL", "SETUSER", "me", "reset", "on", ">pw", *rules(role, "app"))
    url = f"unix://me:pw@{private.socket_path}"
    found = await look(url)
    words = {
        "monitor": "enough to look, not to send",
        "producer": "enough to send and wait, not to run a worker",
        "worker": "all that a worker needs",
    }[role]
    assert words in found["permissions"].text
    assert (await look(url, "of-others"))["permissions"].level == "error"
    assert private.command("KEYS", "*") == []


async def test_a_server_that_is_not_there_is_an_error_at_once(directory):
    with pytest.raises(OperationalError):
        await look(f"unix://{directory}/nobody")
