"""The server goes away and comes back: workers consume again, and drop nothing that they ran."""

import asyncio
import logging
from contextlib import asynccontextmanager, contextmanager

import pytest

from asynq import Asynq, Worker
from asynq._redis import client
from asynq._redis.client import Server
from asynq.brokers.redis.scripts import SETTLE
from asynq.exceptions import BrokerFull, BrokerRefused, ImproperlyConfigured, OperationalError
from tests.proxy import Proxy
from tests.waiting import until

BACK_WITHIN = 5.0
"""Seconds after the end of a fault in which a worker must have run a new task."""


class Shop:
    """An app whose tasks can be watched, and a worker for it."""

    def __init__(self, app):
        self.app = app
        self.begun = 0
        self.go_on = asyncio.Event()

        @app.task
        async def probe(x: int) -> int:
            return x

        @app.task
        async def long() -> str:
            self.begun += 1
            await self.go_on.wait()
            return "done"

        self.probe, self.long = probe, long

    async def works(self, within=BACK_WITHIN):
        """A new task is done in time."""
        async with asyncio.timeout(within):
            while True:
                try:
                    assert await self.probe.delay(7).get() == 7
                    return
                except OperationalError:
                    await asyncio.sleep(0.05)

    async def runs_long(self):
        """A task that runs until it is let go."""
        result = await self.long.delay()
        await until(lambda: self.begun)
        return result


@pytest.fixture
def open_shop(namespace):
    @asynccontextmanager
    async def open_shop(url, **settings):
        settings = {"worker_lease": 1.5, "publish_timeout": 5.0, **settings}
        async with Asynq(namespace, broker=url, **settings) as app:
            shop = Shop(app)
            async with Worker(app, concurrency=10) as worker:
                shop.worker = worker
                await shop.works(10.0)
                yield shop

    return open_shop


async def is_unready(worker):
    return not (await worker.health.look()).ready


def ids(private):
    """The connections of asynq at the server: id to what it does."""
    lines = private.command("CLIENT", "LIST").decode().splitlines()
    clients = [dict(word.split("=", 1) for word in line.split()) for line in lines]
    return {one["id"]: one["cmd"] for one in clients if one["name"] == "asynq"}


async def test_each_connection_may_be_killed_while_a_task_runs(open_shop, own_server):
    private = own_server()
    async with open_shop(private.url) as shop:
        result = await shop.runs_long()
        waiting = asyncio.ensure_future(result.get())
        await asyncio.sleep(0)
        killed = list(ids(private))
        assert len(killed) >= 3
        for id in killed:
            private.command("CLIENT", "KILL", "ID", id)
            await shop.works(2.0)
        for _ in range(3):
            private.command("CLIENT", "KILL", "TYPE", "normal")
            await shop.works(2.0)
        shop.go_on.set()
        assert await asyncio.wait_for(waiting, 5.0) == "done"
        assert shop.begun == 1


async def test_a_server_that_was_killed_finds_its_workers_at_work(open_shop, own_server, caplog):
    private = own_server(durable=True)
    async with open_shop(private.url) as shop:
        result = await shop.runs_long()
        waiting = asyncio.ensure_future(result.get())
        await asyncio.sleep(0)
        private.kill()
        await until(lambda: "Can't fetch tasks" in caplog.text)
        await until(lambda: is_unready(shop.worker))
        assert shop.worker.health.report().alive
        await asyncio.to_thread(private.start)
        await shop.works()
        shop.go_on.set()
        assert await asyncio.wait_for(waiting, 5.0) == "done"
        assert shop.begun == 1
        assert (await shop.worker.health.look()).ready


async def test_a_server_that_comes_back_empty_is_worked_for_at_once(open_shop, own_server):
    private = own_server()
    async with open_shop(private.url) as shop:
        private.kill()
        await asyncio.to_thread(private.start)
        await shop.works()
        private.command("FLUSHALL")
        await shop.works()


async def test_a_full_server_takes_no_calls_and_what_runs_ends(open_shop, own_server):
    private = own_server()
    async with open_shop(private.url) as shop:
        result = await shop.runs_long()
        used = dict(
            line.split(b":", 1) for line in private.command("INFO", "memory").splitlines()[1:]
        )
        private.command("CONFIG", "SET", "maxmemory", int(used[b"used_memory"]) // 2)
        with pytest.raises(BrokerFull):
            await shop.probe.delay(1)
        shop.go_on.set()
        assert await result.get(timeout=5.0) == "done"
        private.command("CONFIG", "SET", "maxmemory", 0)
        await shop.works()


async def test_scripts_may_be_forgotten_all_the_time(open_shop, own_server):
    private = own_server()

    async def forget():
        while True:
            await asyncio.to_thread(private.command, "SCRIPT", "FLUSH")

    async with open_shop(private.url) as shop:
        forgetting = asyncio.create_task(forget())
        for _ in range(10):
            calls = [shop.probe.delay(number).get(timeout=10.0) for number in range(50)]
            assert await asyncio.gather(*calls) == list(range(50))
        forgetting.cancel()
        await asyncio.wait({forgetting})


async def test_a_script_of_somebody_elses_is_waited_for(open_shop, own_server):
    private = own_server(config={"busy-reply-threshold": "50"})
    busy = "local t = redis.call('TIME') while redis.call('TIME')[1] - t[1] < 2 do end"
    async with open_shop(private.url) as shop:
        running = asyncio.create_task(asyncio.to_thread(private.command, "EVAL", busy, 0))
        await asyncio.sleep(0.2)
        assert await shop.probe.delay(3).get(timeout=10.0) == 3
        await running


async def test_a_password_that_is_changed_is_waited_out_and_never_logged(
    open_shop, own_server, caplog, monkeypatch
):
    monkeypatch.setattr(client, "REFUSED_SECONDS", (0.1, 0.2))
    monkeypatch.setattr("asynq.outage.FIRST_PAUSE_REFUSED", 0.1)
    monkeypatch.setattr("asynq.outage.LONGEST_PAUSE_REFUSED", 0.2)
    private = own_server(config={"requirepass": "geheim"})
    caplog.set_level(logging.DEBUG)
    async with open_shop(private.url) as shop:
        result = await shop.runs_long()
        private.command("CONFIG", "SET", "requirepass", "anders")
        private._config["requirepass"] = "anders"
        private.command("CLIENT", "KILL", "TYPE", "normal")
        with pytest.raises(BrokerRefused):
            await shop.probe.delay(1)
        await until(lambda: "Can't fetch tasks" in caplog.text)
        private.command("CONFIG", "SET", "requirepass", "geheim")
        private._config["requirepass"] = "geheim"
        await shop.works()
        shop.go_on.set()
        assert await result.get(timeout=5.0) == "done"
    assert "geheim" not in caplog.text


async def test_a_wrong_password_from_the_start_ends_the_worker(namespace, own_server, caplog):
    private = own_server(config={"requirepass": "geheim"})
    url = f"unix://:falsch@{private.socket_path}"
    async with Asynq(namespace, broker=url) as app:
        with pytest.raises(ImproperlyConfigured, match="refuses the user name or the password"):
            async with Worker(app) as worker:
                await worker.wait()
    assert "falsch" not in caplog.text


async def test_a_right_that_is_missing_ends_the_worker_and_names_it(namespace, own_server):
    private = own_server()
    private.command("ACL", "SETUSER", "me", "on", ">pw", "~*", "+@all", "-xreadgroup")
    async with Asynq(namespace, broker=f"unix://me:pw@{private.socket_path}") as app:
        with pytest.raises(ImproperlyConfigured, match=r"asynq doctor --acl.*"):
            async with Worker(app) as worker:
                await worker.wait()


async def test_a_server_without_a_free_connection_is_waited_for(
    open_shop, own_server, caplog, monkeypatch
):
    monkeypatch.setattr(client, "CROWDED_SECONDS", (0.2, 0.5))
    private = own_server()
    async with open_shop(private.url) as shop:
        with console(private) as command:
            command("CONFIG", "SET", "maxclients", 1)
            command("CLIENT", "KILL", "TYPE", "normal")
            await until(lambda: "Can't fetch tasks" in caplog.text)
            with pytest.raises(OperationalError):
                await shop.probe.apply_async((1,), publish_timeout=0.5)
            command("CONFIG", "SET", "maxclients", 1000)
        await shop.works()


@contextmanager
def console(private):
    """A connection that is there already when there is no other to be had."""
    line = Server(private.url).connect_blocking(5.0)
    yield line.ask
    line.close()


async def test_what_the_server_can_not_store_is_refused_with_the_reason(namespace, own_server):
    private = own_server()
    private.command("CONFIG", "SET", "min-replicas-to-write", 1)
    async with Asynq(namespace, broker=private.url, publish_timeout=2.0) as app:
        with pytest.raises(OperationalError, match="too few of its replicas"):
            await app.send_task("a")


async def test_a_disk_that_is_gone_is_said(namespace, own_server, directory):
    data = directory / "data"
    data.mkdir()
    private = own_server(config={"save": "3600 1", "dir": str(data)})
    data.rmdir()
    private.command("BGSAVE")
    await until(lambda: b"rdb_last_bgsave_status:err" in private.command("INFO", "persistence"))
    async with Asynq(namespace, broker=private.url, publish_timeout=2.0) as app:
        with pytest.raises(OperationalError, match="can't write to its disk"):
            await app.send_task("a")


async def test_a_long_thin_line_is_enough(open_shop, own_server, directory, caplog):
    private = own_server()
    async with Proxy(private, directory) as wire, open_shop(wire.url, worker_lease=6.0) as shop:
        wire.slow_down(0.2, jitter=0.05, bandwidth=64_000)
        result = await shop.runs_long()
        calls = [shop.probe.delay(number).get(timeout=30.0) for number in range(50)]
        assert await asyncio.gather(*calls) == list(range(50))
        shop.go_on.set()
        assert await result.get(timeout=10.0) == "done"
        assert shop.begun == 1
        assert "Can't renew" not in caplog.text
        wire.heal()


@pytest.mark.parametrize("fault", ["cut", "half_open"])
async def test_a_wire_that_breaks_is_replaced(open_shop, own_server, directory, fault, monkeypatch):
    monkeypatch.setattr("asynq._redis.pipeline.SILENCE", 0.5)
    monkeypatch.setattr("asynq._redis.pipeline.LOOK", 0.1)
    monkeypatch.setattr("asynq._redis.blocking.GRACE", 0.5)
    private = own_server()
    async with Proxy(private, directory) as wire, open_shop(wire.url) as shop:
        result = await shop.runs_long()
        getattr(wire, fault)()
        await shop.works()
        shop.go_on.set()
        assert await result.get(timeout=10.0) == "done"
        assert shop.begun == 1


async def test_a_caller_is_told_why_in_its_own_time_or_waits(namespace, own_server, directory):
    nobody = f"unix://{directory}/nobody"
    async with Asynq(namespace, broker=nobody, publish_timeout=30.0) as app:
        begin = asyncio.get_running_loop().time()
        with pytest.raises(OperationalError) as raised:
            await app.send_task("a", publish_timeout=0.3)
        assert asyncio.get_running_loop().time() - begin < 10.0
        assert str(raised.value) == (
            f"can't publish: can't reach {nobody}: No such file or directory (tried for 0.3 s)"
        )
    private = own_server(durable=True)
    async with Asynq(namespace, broker=private.url, publish_timeout=0.2) as app:
        private.kill()
        sent = asyncio.ensure_future(app.send_task("a", publish_timeout=30.0).send())
        with pytest.raises(OperationalError):
            await app.send_task("b")
        assert not sent.done()
        await asyncio.to_thread(private.start)
        await asyncio.wait_for(sent, BACK_WITHIN)
        assert await app.broker.depth("default") >= 1


@pytest.mark.parametrize("after_its_run", [False, True])
async def test_what_was_acknowledged_early_runs_once_though_the_answer_is_long_in_coming(
    server, url, directory, namespace, after_its_run
):
    """The answer that it may run, or the one to its end, which sends it to its next run."""
    ran = []
    settings = {"publish_timeout": 0.5, "task_acks_late": False}
    async with (
        Proxy(server, directory) as proxy,
        Asynq(namespace, broker=proxy.url, **settings) as worked,
        Asynq(namespace, broker=url, **settings) as app,
    ):

        @worked.task(name="twice", bind=True, max_retries=1)
        async def twice(self):
            ran.append(self.request.retries)
            if not self.request.retries:
                if after_its_run and len(ran) > 2:
                    proxy.swallow(SETTLE.digest)
                raise self.retry(countdown=0)

        async with Worker(worked):
            await (await app.send_task("twice")).get(timeout=20)
            if not after_its_run:
                proxy.swallow(SETTLE.digest)
            result = await app.send_task("twice")
            await proxy.lost.wait()
            proxy.stall()
            with pytest.raises(TimeoutError):
                await result.get(timeout=1.5)
            proxy.resume()
            await result.get(timeout=20)
    assert ran == [0, 1, 0, 1]
