"""What the scenarios share: a server of their own, workers, a ledger, and the checks."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from asynq import Asynq
from asynq.result.submission import Submission
from tests.chaos import canvases
from tests.chaos.canvases import Artist, Drawn, Flight
from tests.chaos.checks import Checks
from tests.chaos.fleet import Fleet
from tests.chaos.trail import want
from tests.proxy import Proxy
from tests.servers import PrivateServer, ServerFactory


@pytest.fixture
def server(own_server: ServerFactory) -> PrivateServer:
    """A server of the test's own, that survives kill -9 with all it has acknowledged."""
    return own_server(durable=True)


@pytest.fixture
def fleet(server: PrivateServer, namespace: str, directory: Path) -> Iterator[Fleet]:
    fleet = Fleet(server, namespace, directory)
    yield fleet
    fleet.close()


@pytest.fixture
def checks(fleet: Fleet) -> Checks:
    return Checks(fleet)


@pytest.fixture
async def app(server: PrivateServer, namespace: str) -> AsyncIterator[Asynq]:
    """Sends to the fleet by the tasks' names."""
    async with Asynq(namespace, broker=server.url, task_default_queue="chaos") as app:
        yield app


@pytest.fixture
async def wire(server: PrivateServer, directory: Path) -> AsyncIterator[Callable[[], object]]:
    """Makes wires to the server."""
    async with AsyncExitStack() as stack:
        count = 0

        async def make() -> Proxy:
            nonlocal count
            count += 1
            return await stack.enter_async_context(Proxy(server, directory, f"wire-{count}"))

        yield make


@pytest.fixture
def send(app: Asynq, fleet: Fleet) -> Callable[..., Awaitable[Submission]]:
    """`await send("quick", 1, countdown=2)`: sends a task of `tests.chaos.tasks`, and notes it."""

    async def send(
        task: str, *arguments: object, kind: str = "", through: Asynq = app, **options: object
    ) -> Submission:
        want(through)
        result = await through.send_task(f"tests.chaos.tasks.{task}", arguments, **options)
        fleet.ledger.note("P", result.id, kind or task)
        return result

    return send


@pytest.fixture
def artist(app: Asynq) -> Artist:
    """Draws workflows."""
    return Artist(app, random.Random(1))


@pytest.fixture
def launch(app: Asynq, fleet: Fleet) -> Callable[..., Awaitable[Flight]]:
    """`await launch(drawn)`: sends a workflow, and notes all of it."""

    async def launch(drawn: Drawn, through: Asynq = app) -> Flight:
        return await canvases.send(through, fleet.ledger, drawn)

    return launch
