"""An app has a name, a broker for messages and a backend for results."""

from asynq import Asynq, Worker


async def test_the_shortest_useful_program(url, namespace):
    app = Asynq(namespace, broker=url)

    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    async with app, Worker(app):
        result = await add.delay(4, 4)
        assert await result == 8


def test_making_an_app_connects_to_nothing():
    app = Asynq("proj", broker="redis://nowhere:1/0", backend="redis://nowhere:1/1")

    @app.task
    async def add(x, y): ...

    assert add.app is app


async def test_results_may_live_elsewhere(url, namespace):
    app = Asynq(namespace, broker=url, backend=f"{url}?db=1")

    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    async with app, Worker(app):
        assert await add.delay(4, 4).get(timeout=10) == 8


async def test_without_a_broker_there_is_a_private_server(namespace):
    app = Asynq(namespace)

    @app.task
    async def add(x: int, y: int) -> int:
        return x + y

    async with app, Worker(app):
        assert await add.delay(4, 4).get(timeout=10) == 8


def test_a_worker_imports_what_include_names(namespace):
    app = Asynq(namespace, include=["tests.fundamentals.library"])
    assert "tests.fundamentals.library" in app.conf.include
    app.import_modules()
    assert "tests.fundamentals.library.greet" in app.tasks
