"""A program that closes its app leaves no server behind, and one that goes on finds it again."""

import pytest

from asynq import Asynq, Worker
from asynq._redis import embedded


@pytest.fixture
def app(directory):
    app = Asynq("leaving", broker=f"embedded://{directory}/state")

    @app.task
    async def double(x: int) -> int:
        return 2 * x

    app.double = double
    yield app
    embedded.stop(directory / "state")


def is_running(directory):
    return embedded.status(directory / "state").running


async def test_closing_the_app_stops_a_server_that_nobody_else_uses(app, directory):
    async with app:
        await app.double.delay(1)
        assert is_running(directory)
    assert not is_running(directory)


async def test_what_was_sent_is_there_when_the_app_is_opened_again(app, directory):
    async with app:
        sent = await app.double.delay(1)
    async with app, Worker(app):
        assert await sent.get(timeout=10) == 2
        assert is_running(directory)
    assert not is_running(directory)


async def test_a_worker_that_ends_leaves_the_server_to_the_app_around_it(app, directory):
    async with app:
        await app.double.delay(1)
        async with Worker(app):
            pass
        assert is_running(directory)
        assert await app.broker.depth("default") in (0, 1)
    assert not is_running(directory)


async def test_another_app_of_the_process_keeps_it(app, directory):
    other = Asynq("other", broker=f"embedded://{directory}/state")
    async with other:
        await other.broker.queues()
        async with app:
            await app.double.delay(1)
        assert is_running(directory)
    assert not is_running(directory)
