"""What one task may cost, held by what is the same on every machine: counts, not seconds.

Each ceiling is a tenth above what was counted when it was set. Who passes one has made every task
dearer: `python -m benchmarks.profile` shows where it goes, function by function and script by
script. Who has made tasks cheaper lowers it.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
import uvloop

from asynq import Asynq
from asynq.worker.worker import Worker
from benchmarks.profile.scenes import BATCH, SCENES, Meter
from tests.budget.counting import Calls, Sent, Tasks, Wire, monitored, number
from tests.servers import PrivateServer

COUNT = 4_000

FUNCTION_CALLS = {"running": 124, "calling": 117, "calling-one": 144}
"""A task, in the thread of the event loop (uvloop), Python's and C's together."""

COMMANDS = {"running": 0.05, "calling": 0.011, "calling-one": 1.0}
"""Sent by clients, a task. Running and calling together have at most 0.2."""

BYTES_TO_THE_SERVER = {"running": 185, "calling": 105, "calling-one": 340}
BYTES_FROM_THE_SERVER = {"running": 145, "calling": 1, "calling-one": 5}
"""On the wire, a task."""

ASYNCIO_TASKS = {"running": 1.05, "calling": 1.05, "calling-one": 0.01}
"""Made for a task; `gather` makes one a call, whatever is called."""

QUEUED_BYTES = 150
"""Of the server's memory, for a no-op task that waits."""

RESULT_BYTES = 150
"""Of the server's memory, for the stored result of a no-op task."""

IDLE_COMMANDS = 4.0
"""A second, sent by an idle worker."""

IDLE_SECONDS = 6.0
"""How long it is watched, by the server's clock."""

SETTLED_SECONDS = 1.0
"""After its start it has loaded its scripts and looked over the server."""

by_scene = pytest.mark.parametrize("scene", FUNCTION_CALLS)


def play(name: str, url: str, meter: Meter) -> None:
    scene = next(scene for scene in SCENES if scene.name == name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene.play(url, COUNT, meter))


def within(limit: float, counted: float, what: str, scene: str = "") -> None:
    assert counted <= limit, (
        f"{what}: the budget is {limit:g}, counted {counted:.4g}. "
        f"`python -m benchmarks.profile{scene and f' {scene}'}` shows where it goes"
    )


@by_scene
def test_a_task_takes_no_more_function_calls(scene: str, url: str) -> None:
    calls = Calls()
    play(scene, url, calls)
    within(FUNCTION_CALLS[scene], calls.count / COUNT, "function calls a task", scene)


@by_scene
def test_clients_send_no_more_commands_a_task(scene: str, url: str, server: PrivateServer) -> None:
    sent = Sent(server)
    play(scene, url, sent)
    said = f"commands a task, {dict(sent.commands)}"
    within(COMMANDS[scene], sent.count / COUNT, said, scene)


@by_scene
def test_a_task_sends_no_more_bytes(scene: str, url: str, server: PrivateServer) -> None:
    wire = Wire(server)
    play(scene, url, wire)
    within(BYTES_TO_THE_SERVER[scene], wire.received / COUNT, "bytes to the server a task", scene)
    within(BYTES_FROM_THE_SERVER[scene], wire.sent / COUNT, "bytes from the server a task", scene)


@by_scene
def test_a_task_makes_no_more_asyncio_tasks(scene: str, url: str) -> None:
    tasks = Tasks()
    play(scene, url, tasks)
    within(ASYNCIO_TASKS[scene], tasks.count / COUNT, "asyncio tasks a task", scene)


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


async def test_an_idle_worker_is_quiet(url: str, server: PrivateServer) -> None:
    app, _ = an_app(url)
    commands = []
    async with app, Worker(app), monitored(server) as sent:
        seconds, microseconds = map(int, server.command("TIME"))
        began = seconds + microseconds / 1e6 + SETTLED_SECONDS
        async with asyncio.timeout(30):
            async for at, command in sent:
                if at > began + IDLE_SECONDS:
                    break
                if at >= began:
                    commands.append(command)
    said = f"commands/s of an idle worker, {dict(Counter(commands))}"
    within(IDLE_COMMANDS, len(commands) / IDLE_SECONDS, said)


def an_app(url: str):
    app = Asynq("budget", broker=url)

    @app.task(name="budget.noop")
    async def noop(number: int) -> None:
        return None

    return app, noop
