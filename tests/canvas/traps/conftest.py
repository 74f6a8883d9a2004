"""Where Celery's canvas surprises: an app in memory and on each kind of server, with its tasks."""

from __future__ import annotations

import pytest

from asynq import Asynq, Ignore, Worker
from tests.waiting import until


@pytest.fixture
async def app(place, namespace):
    async with Asynq(namespace, broker=place, worker_unknown_task_ttl=0) as app:
        yield app


class Tasks:
    """The tasks that canvas is made of here.

    Attributes:
        told: what errbacks and callbacks were called with.
    """

    def __init__(self, app):
        self.told = []

        @app.task(name="proj.add")
        async def add(x: int, y: int) -> int:
            return x + y

        @app.task(name="proj.mul")
        async def mul(x: int, y: int) -> int:
            return x * y

        @app.task(name="proj.xsum")
        async def xsum(values: list[int]) -> int:
            return sum(values)

        @app.task(name="proj.numbers")
        def numbers(upto: int) -> list[int]:
            return [*range(upto)]

        @app.task(name="proj.noop")
        async def noop(*args, **kwargs):
            return [list(args), kwargs]

        @app.task(name="proj.fail")
        async def fail(*args):
            raise ValueError(*(args or ("h",)))

        @app.task(name="proj.told_of")
        async def told_of(values):
            return [repr(value) for value in values]

        @app.task(name="proj.ignore")
        async def ignore(*args):
            raise Ignore("not today")

        @app.task(name="proj.note")
        async def note(*args):
            self.told.append(args)

        @app.task(name="proj.on_id")
        async def on_id(id):
            self.told.append(id)

        @app.task(name="proj.on_three")
        async def on_three(request, error, traceback):
            self.told.append((request, error, traceback))

        @app.task(name="proj.later", bind=True, max_retries=2, default_retry_delay=0)
        async def later(self, *args, succeed_at=99):
            if self.request.retries < succeed_at:
                raise self.retry(exc=ValueError("not yet"))
            return self.request.retries

        self.add, self.mul, self.xsum, self.numbers, self.noop = add, mul, xsum, numbers, noop
        self.told_of = told_of
        self.fail, self.ignore, self.later = fail, ignore, later
        self.note, self.on_id, self.on_three = note, on_id, on_three


@pytest.fixture
def t(app):
    return Tasks(app)


@pytest.fixture
async def worker(app, t):
    async with Worker(app, concurrency=8) as worker:
        yield worker


@pytest.fixture
def quiet(app):
    """Waits until all that was sent is over, and all that follows from it."""

    async def nothing_waits():
        return not any([await app.broker.depth(queue) for queue in await app.broker.queues()])

    return lambda: until(nothing_waits)
