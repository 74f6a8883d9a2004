"""What the tour uses: an app, and a worker that runs its tasks right here."""

import pytest

from asynq import Asynq, Worker


@pytest.fixture
async def app(url, namespace):
    """An app of a name of its own, on a real server."""
    async with Asynq(namespace, broker=url) as app:
        yield app


@pytest.fixture
async def worker(app):
    """A worker of that app. Elsewhere it is a process: `asynq -A proj worker`."""
    async with Worker(app) as worker:
        yield worker
