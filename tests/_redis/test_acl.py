"""The rules that `asynq doctor --acl` prints are enough, on a server that has just these users."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from asynq import Asynq, Beat, Worker
from asynq._redis.acl import COMMANDS, line, rules
from asynq.exceptions import AsynqError, BrokerRefused, OperationalError, TaskRevokedError
from tests.servers import PrivateServer, ServerFactory
from tests.waiting import until

DISPENSABLE = (b"config|get", b"acl|getuser")


@pytest.fixture
def private(own_server: ServerFactory, namespace: str) -> PrivateServer:
    """A server whose users are those of the rules."""
    private = own_server()
    for role in COMMANDS:
        private.command("ACL", "SETUSER", role, "reset", "on", ">PASSWORD", *rules(role, namespace))
    private.command("ACL", "LOG", "RESET")
    return private


@pytest.fixture
def app_as(private: PrivateServer, namespace: str) -> Callable[[str], Asynq]:
    def app_as(role: str) -> Asynq:
        url = f"unix://{role}:PASSWORD@{private.socket_path}"
        return Asynq(namespace, broker=url, worker_lease=1.5, publish_timeout=5.0)

    return app_as


def denied(private: PrivateServer) -> list[bytes]:
    """What was refused to anybody, but for what a worker's look does without."""
    entries = [dict(zip(e[::2], e[1::2], strict=True)) for e in private.command("ACL", "LOG")]
    return [e[b"object"] for e in entries if e[b"object"] not in DISPENSABLE]


def with_tasks(app: Asynq) -> Asynq:
    @app.task(name="add")
    async def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="again", bind=True, max_retries=3)
    async def again(self) -> int:
        if self.request.retries < 2:
            raise self.retry(countdown=0.05)
        return self.request.retries

    @app.task(name="tell", bind=True)
    async def tell(self) -> None:
        await self.update_state(state="PROGRESS", meta={"percent": 50})
        await asyncio.sleep(2.0)  # longer than a lease: it is renewed

    return app


async def test_a_producer_a_worker_and_a_monitor_do_all_they_do(
    private: PrivateServer, app_as: Callable[[str], Asynq]
):
    running, sending, looking = with_tasks(app_as("worker")), app_as("producer"), app_as("monitor")
    async with running, sending, looking:
        async with Worker(running, concurrency=4):
            lasting = await sending.send_task("tell")
            assert await sending.send_task("add", (1, 2)).get(timeout=10) == 3
            assert await sending.send_task("add", (1, 2), countdown=0.1).get(timeout=10) == 3
            assert await sending.send_task("again").get(timeout=10) == 2
            later = await sending.send_task("add", (1, 2), countdown=60)
            await later.revoke()
            with pytest.raises(TaskRevokedError):
                await later.get(timeout=10)
            inspect = sending.control.inspect(timeout=10)
            for asked in (inspect.ping, inspect.active, inspect.scheduled, inspect.revoked):
                assert await asked()
            assert await sending.control.pool_grow(reply=True, timeout=10)
            await sending.broker.publish(())
            await running.broker.workers()
            assert await looking.broker.workers()
            assert await looking.broker.queues() == ["default"]
            assert await looking.broker.depth("default") >= 1
            await looking.broker.count("default")
            await running.broker.count("default")
            assert await looking.AsyncResult(lasting.id).state in ("PROGRESS", "STARTED")
            await lasting.get(timeout=10)
            await lasting.forget()
            private.command("XADD", f"aq:{{{running.namespace}}}:q:default:0", "*", "m", "junk")
            await until(lambda: buried(looking))
            [letter] = await looking.broker.buried("default")
            assert await running.broker.exhume("default", {letter.receipt: None}) == 1
            await until(lambda: buried(looking))
            assert await running.broker.discard("default") == 1
        await running.broker.purge("default")
        async with Beat(sending, max_interval=0.05):
            await sending.schedules.add("often", 0.1, "add", (1, 2))
            await until(lambda: has_fired(looking))
            await sending.schedules.pause("often")
            await sending.schedules.resume("often")
            await sending.schedules.run_now("often")
            await sending.schedules.remove("often")
    assert denied(private) == []


async def has_fired(app: Asynq) -> bool:
    return any(each.count for each in await app.schedules.list())


async def buried(app: Asynq) -> bool:
    return bool(await app.broker.buried("default"))


async def test_who_may_only_look_can_not_send_and_who_sends_can_not_take(
    private: PrivateServer, app_as: Callable[[str], Asynq]
):
    async with app_as("monitor") as looking, app_as("producer") as sending:
        with pytest.raises(BrokerRefused):
            await looking.send_task("add", (1, 2))
        with pytest.raises(AsynqError):
            async with Worker(sending) as worker:
                await worker.wait()


async def test_nobody_reaches_another_namespace(
    private: PrivateServer, app_as: Callable[[str], Asynq]
):
    for role in COMMANDS:
        app = app_as(role)
        async with Asynq("of-others", broker=app.conf.broker_url, publish_timeout=2.0) as other:
            with pytest.raises(OperationalError):
                await other.broker.depth("default")


def test_the_printed_line_is_a_command_of_the_server(own_server: ServerFactory):
    private = own_server()
    for role in COMMANDS:
        private.command(*line(role, "we[ird]*name?").split(" "))
    assert len(private.command("ACL", "USERS")) == 1 + len(COMMANDS)
    assert all("dangerous" not in word and "config" not in word for word in COMMANDS["worker"])
