"""What one task may cost, held by what is the same on every machine: counts, not seconds.

Each ceiling is a tenth above what was counted when it was set. Who passes one has made every task
dearer: `python -m benchmarks.profile` shows where it goes, function by function and script by
script. Who has made tasks cheaper lowers it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import pytest

from asynq import Asynq
from asynq.worker.worker import Worker
from benchmarks.profile.scenes import BATCH, SCENES
from tests.budget.counting import Counted, count, number
from tests.servers import PrivateServer

TASKS = {"running": 4_000, "running-one": 400, "calling": 4_000, "calling-one": 1_000}
"""How many are counted in each scene of `benchmarks.profile.scenes`."""

FUNCTION_CALLS = {"running": 123, "running-one": 405, "calling": 101, "calling-one": 152}
"""A task, in the thread of the event loop (uvloop), Python's and C's together."""

COMMANDS = {"running": 0.05, "running-one": 6.1, "calling": 0.011, "calling-one": 1.0}
"""Sent by clients, a task. Running and calling together have at most 0.2. A round trip of
one task has six: enqueue, the worker's blocking read and fetch, settle, the caller's read and look
for what it may have missed."""

BYTES_IN = {"running": 185, "running-one": 1850, "calling": 98, "calling-one": 340}
BYTES_OUT = {"running": 145, "running-one": 410, "calling": 1, "calling-one": 7}
"""On the wire, to the server and from it, a task."""

ASYNCIO_TASKS = {"running": 1.05, "running-one": 2.1, "calling": 1.05, "calling-one": 0.01}
"""Made for a task; `gather` makes one a call, whatever is called."""

MODULES = 260
"""That `from asynq import Asynq` loads, those of the standard library among them."""

QUEUED_BYTES = 95
"""Of the server's memory, for a no-op task that waits."""

RESULT_BYTES = 150
"""Of the server's memory, for the stored result of a no-op task."""

Count = Callable[[str], Counted]

by_scene = pytest.mark.parametrize("scene", TASKS)


@pytest.fixture(scope="module")
def counted(server: PrivateServer) -> Count:
    """Counts a scene, once."""
    scenes = {scene.name: scene for scene in SCENES}
    return cache(lambda name: count(scenes[name], server, TASKS[name]))


def within(limit: float, counted: float, what: str, scene: str = "") -> None:
    assert counted <= limit, (
        f"{what}: the budget is {limit:g}, counted {counted:.4g}. "
        f"`python -m benchmarks.profile{scene and f' {scene}'}` shows where it goes"
    )


@by_scene
def test_a_task_takes_no_more_function_calls(scene: str, counted: Count) -> None:
    within(FUNCTION_CALLS[scene], counted(scene).calls, "function calls a task", scene)


@by_scene
def test_clients_send_no_more_commands_a_task(scene: str, counted: Count) -> None:
    commands = counted(scene).commands
    within(COMMANDS[scene], sum(commands.values()), f"commands a task, {commands}", scene)


@by_scene
def test_a_task_sends_no_more_bytes(scene: str, counted: Count) -> None:
    within(BYTES_IN[scene], counted(scene).bytes_in, "bytes to the server a task", scene)
    within(BYTES_OUT[scene], counted(scene).bytes_out, "bytes from the server a task", scene)


@by_scene
def test_a_task_makes_no_more_asyncio_tasks(scene: str, counted: Count) -> None:
    within(ASYNCIO_TASKS[scene], counted(scene).asyncio_tasks, "asyncio tasks a task", scene)


async def test_a_queued_task_takes_no_more_memory(url: str, server: PrivateServer) -> None:
    def used() -> int:
        return number(server.command("INFO", "memory"), "used_memory")

    app, noop = an_app(url)
    async with app:
        await asyncio.gather(*(noop.delay(number) for number in range(BATCH)))
        before = used()
        for at in range(0, 5 * BATCH, BATCH):
            await asyncio.gather(*(noop.delay(number) for number in range(at, at + BATCH)))
        within(QUEUED_BYTES, (used() - before) / (5 * BATCH), "bytes a queued task")


async def test_a_stored_result_takes_no_more_memory(url: str, server: PrivateServer) -> None:
    app, noop = an_app(url)
    async with app, Worker(app):
        result = await noop.delay(1)
        assert await result.get(timeout=30) is None
        [key] = server.command("KEYS", f"*{result.id}*")
    used = server.command("MEMORY", "USAGE", key, "SAMPLES", 0)
    within(RESULT_BYTES, used, f"bytes of the stored result {key!r}")


def test_importing_asynq_loads_no_more_modules() -> None:
    code = (
        "import sys; a = set(sys.modules); from asynq import Asynq; "
        "print(*sorted(set(sys.modules) - a))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = run.stdout.split()
    assert len(modules) <= MODULES, (
        f"`from asynq import Asynq` loads {len(modules)} modules, the budget is {MODULES}. "
        f"`python -X importtime -c 'from asynq import Asynq'` shows who loads which of {modules}"
    )


def an_app(url: str):
    app = Asynq("budget", broker=url)

    @app.task(name="budget.noop")
    async def noop(number: int) -> None:
        return None

    return app, noop
