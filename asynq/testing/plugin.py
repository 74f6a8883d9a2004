"""The pytest plugin: fixtures for tests of applications that use asynq. Loaded by itself.

Give a fixture `asynq_app` that returns your app; then a test that asks for `asynq_worker` runs with
the app in memory and a worker, one that asks for `asynq_outbox` with calls only kept. Both give the
`Outbox`. They are async fixtures, for pytest-asyncio (or, where that is missing, for anyio).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from asynq._imports import import_object, module_exists

if TYPE_CHECKING:
    from asynq.app import Asynq
    from asynq.testing.assertions import Outbox

F = TypeVar("F", bound=Callable[..., object])

pytest.register_assert_rewrite("asynq.testing.contracts")

_MAKER = "pytest_asyncio:fixture" if module_exists("pytest_asyncio") else "pytest:fixture"
_async_fixture: Callable[[F], F] = import_object(_MAKER)


@pytest.fixture
def asynq_memory_url() -> str:
    """A ``memory://`` URL that no other test uses: give it to an app as broker and backend."""
    return f"memory://{secrets.token_hex(8)}"


@pytest.fixture
def asynq_app() -> Asynq:
    """Your app: override this fixture."""
    raise pytest.UsageError("define a fixture `asynq_app` that returns your app")


@_async_fixture
async def asynq_worker(asynq_app: Asynq) -> AsyncIterator[Outbox]:
    """The app in memory with a worker running; gives the `Outbox`."""
    async with _in_memory(asynq_app) as outbox:
        yield outbox


@_async_fixture
async def asynq_outbox(asynq_app: Asynq) -> AsyncIterator[Outbox]:
    """The app in memory without a worker: calls are kept; gives the `Outbox`."""
    async with _in_memory(asynq_app, worker=False) as outbox:
        yield outbox


def _in_memory(app: Asynq, **options: Any) -> Any:
    # By name: every run of pytest loads this module, and few need the app's machinery.
    return import_object("asynq.testing.app:in_memory")(app, **options)
