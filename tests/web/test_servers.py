"""The page on real servers, with the rights that it needs and no more."""

import pytest

from asynq import Asynq, Reject, Worker, chain
from asynq._redis.acl import COMMANDS, rules
from asynq.web.pages import PAGES
from tests.waiting import until
from tests.web.conftest import visiting

DISPENSABLE = (b"config|get", b"acl|getuser")


@pytest.fixture
def private(own_server, namespace):
    """A server whose users are those of `asynq doctor --acl`."""
    private = own_server()
    for role in COMMANDS:
        private.command("ACL", "SETUSER", role, "reset", "on", ">PASSWORD", *rules(role, namespace))
    private.command("ACL", "LOG", "RESET")
    return private


@pytest.fixture
def app_as(private, namespace):
    def app_as(role):
        url = f"unix://{role}:PASSWORD@{private.socket_path}"
        return Asynq(namespace, broker=url, worker_send_task_events=True, set_as_current=False)

    return app_as


def denied(private):
    entries = [dict(zip(e[::2], e[1::2], strict=True)) for e in private.command("ACL", "LOG")]
    return [e[b"object"] for e in entries if e[b"object"] not in DISPENSABLE]


async def test_a_monitor_sees_all_and_a_worker_can_do_all(private, app_as):
    running, looking, acting = app_as("worker"), app_as("monitor"), app_as("worker")

    @running.task(name="proj.add")
    async def add(x, y):
        return x + y

    @running.task(name="proj.put_aside")
    async def put_aside():
        raise Reject("no lamp in stock")

    async with running, looking, acting, Worker(running, hostname="w@here"):
        result = await chain(add.s(1, 2), add.s(3))()
        await result.get(timeout=10)
        letter = await put_aside.delay()
        async with visiting(looking, writable=True) as visitor:
            await visitor.seen(result.id, "SUCCESS")
            await visitor.seen(letter.id, "REJECTED")
            await visitor.shows("workers", "online")
            for path in [name for name, _ in PAGES]:
                asked = {"id": result.workflow_id if path == "workflow" else result.id}
                assert (await visitor.get(path, params=asked)).status_code == 200, path
            await visitor.shows("dead", "no lamp in stock")
            assert denied(private) == []
            page = await visitor.follow(await visitor.do("pause", queue="default"))
            assert "That was not done" in page.text
            private.command("ACL", "LOG", "RESET")
        async with visiting(acting, writable=True) as visitor:
            page = await visitor.follow(await visitor.do("pause", queue="default"))
            assert "is paused" in page.text
            await visitor.do("resume", queue="default")
            await visitor.do("revoke", id="some-id")
            await visitor.do("retry-all")

            async def there_again():
                found = [each async for each in running.dead.letters()]
                return found and found[0].attempts

            await until(there_again)
        assert denied(private) == []
