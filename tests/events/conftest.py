"""An app in memory whose workers tell events, and its event log."""

import pytest

from asynq import Asynq
from asynq.events.dispatcher import Dispatcher


@pytest.fixture
async def app(namespace):
    app = Asynq(namespace, broker="memory://", worker_send_task_events=True)
    async with app:
        yield app


@pytest.fixture
async def dispatcher(app):
    """Tells events as a worker does."""
    return make_dispatcher(app)


def make_dispatcher(app, log=None, **options):
    given = {
        "hostname": "w@here",
        "now": app.broker.now,
        "seal": app.seal,
        "max_bytes": 10_000_000,
        "expires": 86_400.0,
    }
    return Dispatcher(log or app.broker.events(), **{**given, **options})


async def take(stream, count, wait=10.0):
    """The next so many events."""
    return [await stream.next(wait) for _ in range(count)]
