"""What workers are told to change, on real carriers."""

import asyncio

from tests.waiting import until


async def test_what_is_due_in_a_queue_that_was_added_comes_out(app, start):
    """The worker's upkeep moves it: its sender moves only what is due within two seconds."""

    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    await start("a@h")
    await app.control.add_consumer("foo", reply=True)
    result = await add.apply_async((1, 2), queue="foo", countdown=2.4)
    assert await result.get(timeout=15) == 3
    await app.control.cancel_consumer("foo", reply=True)
    assert await add.delay(3, 4).get(timeout=15) == 7


async def test_a_cancelled_queues_tasks_go_to_another_worker(app, start):
    began, go_on = asyncio.Event(), asyncio.Event()

    @app.task
    async def hold() -> str:
        began.set()
        await go_on.wait()
        return "held"

    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    one = await start("one@h", concurrency=1, prefetch_multiplier=5)
    held = await hold.delay()
    await began.wait()
    waiting = [await add.delay(number, 1) for number in range(3)]
    await until(lambda: len(one.state.reserved) == 3)
    await app.control.cancel_consumer("default", destination=["one@h"], reply=True)
    await start("two@h")
    assert [await result.get(timeout=15) for result in waiting] == [1, 2, 3]
    go_on.set()
    assert await held.get(timeout=15) == "held"


async def test_a_limited_task_is_carried_out_by_real_servers_too(app, start):
    @app.task(rate_limit="2/s")
    async def limited(number: int) -> int:
        return number

    await start("a@h")
    results = [await limited.delay(number) for number in range(5)]
    assert [await result.get(timeout=30) for result in results] == list(range(5))


async def test_purging_from_code_leaves_nothing(app):
    for queue in ("a", "b"):
        await app.send_task("nobody.does", queue=queue)
    assert await app.control.purge(["a"]) == 1
    assert await app.control.purge() == 1
    assert await app.control.discard_all() == 0
