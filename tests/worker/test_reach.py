"""What a caller or a setting says reaches the place where it matters."""

import asyncio

import pytest

from asynq import Asynq, Worker, current_app
from asynq.request import lend


@pytest.fixture
async def app(url, namespace):
    app = Asynq(namespace, broker=url)
    async with app:
        yield app


async def test_a_result_that_never_expires_is_kept_for_ever(app, server):
    @app.task
    async def keep() -> int:
        return 1

    async with Worker(app):
        result = await keep.apply_async(result_expires=0)
        assert await result.get(timeout=10) == 1
    [key] = server.command("KEYS", f"*:res:{result.id}")
    assert server.command("PTTL", key) == -1


async def test_a_function_in_a_thread_is_not_given_the_slot_to_lend(app):
    @app.task
    def in_a_thread() -> bool:
        return lend.get() is None

    @app.task
    async def on_the_loop() -> bool:
        return lend.get() is None

    async with Worker(app):
        assert await in_a_thread.delay().get(timeout=10) is True
        assert await on_the_loop.delay().get(timeout=10) is False


async def test_the_current_app_of_a_task_is_its_own(app):
    @app.task
    async def whose() -> str | None:
        return current_app.main

    other = Asynq("other", broker="memory://other")  # made last, so the process's current one
    async with Worker(app):
        assert await whose.delay().get(timeout=10) == app.main
    assert other.main == "other"


async def test_concurrent_calls_and_results_share_a_few_connections(app, server):
    @app.task
    async def double(x: int) -> int:
        return 2 * x

    before = {client.split()[0] for client in clients(server)}
    sent = await asyncio.gather(*(double.delay(number) for number in range(10_000)))
    waiting = asyncio.gather(*(result.get(timeout=60) for result in sent))
    await asyncio.sleep(0)
    mine = [client for client in clients(server) if client.split()[0] not in before]
    async with Worker(app, concurrency=500):
        values = await waiting
    assert len(mine) <= 4
    assert values == [2 * number for number in range(10_000)]


def clients(server):
    """The server's clients, without the one that asks."""
    lines = server.command("CLIENT", "LIST").decode().splitlines()
    return [line for line in lines if "cmd=client" not in line]


async def test_what_a_task_tells_of_itself_is_not_replaced_by_started(app):
    told, go_on = asyncio.Event(), asyncio.Event()

    @app.task(bind=True)
    async def report(self) -> str:
        await self.update_state(state="PROGRESS", meta={"percent": 10})
        told.set()
        await go_on.wait()
        return "done"

    @app.task
    async def silent() -> None:
        await go_on.wait()

    async with Worker(app):
        result = await report.delay()
        await told.wait()
        other = await silent.delay()
        async for update in other.updates():  # written after the first one's turn has come
            if update.state == "STARTED":
                break
        assert await result.state == "PROGRESS"
        assert await result.info == {"percent": 10}
        go_on.set()
        assert await result.get(timeout=10) == "done"


async def test_a_backlog_of_an_unknown_task_is_told_once(app, caplog):
    async with Worker(app):
        for _ in range(5):
            await app.send_task("of.another.release")
        await app.send_task("another")
        async with asyncio.timeout(10):
            while "'another'" not in caplog.text:
                await asyncio.sleep(0.01)
    warnings = [line for line in caplog.messages if "no task 'of.another.release'" in line]
    assert len(warnings) == 1
