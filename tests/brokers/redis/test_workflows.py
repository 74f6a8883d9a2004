"""What the server keeps of workflows, beside what the contract says."""

from __future__ import annotations

import asyncio

from asynq.brokers.base import Workflow
from asynq.brokers.redis.broker import RedisBroker
from tests.brokers.redis.conftest import Looker


async def test_the_list_of_workflows_forgets_those_behind_one_that_is_kept(
    broker: RedisBroker, look: Looker
):
    workflows = broker.workflows()
    await workflows.launch(Workflow(id="long", ttl=60, kept=60), [])
    await workflows.launch(Workflow(id="longer", ttl=60, kept=60), [])
    for number in range(50):
        await workflows.launch(Workflow(id=f"short-{number}", ttl=0.001, kept=60), [])
    async with asyncio.timeout(15):
        while look.command("ZCARD", look.keys.workflows) > 10:
            await workflows.launch(Workflow(id="again", ttl=0.001, kept=60), [])
    assert [each.id for each in await workflows.known()][-2:] == ["longer", "long"]


async def test_the_list_passes_over_what_is_left_of_a_workflow_that_was_forgotten_at_once(
    broker: RedisBroker, look: Looker
):
    workflows = broker.workflows()
    await workflows.launch(Workflow(id="kept", ttl=60, kept=60), [])
    # As a server that is slow for a millisecond leaves one whose time is that short.
    look.command("HSET", look.keys.workflow("short"), "began", 1)
    look.command("ZADD", look.keys.workflows, 1, "short")
    assert [each.id for each in await workflows.known()] == ["kept"]
