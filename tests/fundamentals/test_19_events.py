"""Watch what workers do: events, as they come, and the cluster that they tell of."""

import asyncio
import os
import re
import sys

import pytest

from tests.integration.workers import ROOT, environment, workers  # noqa: F401 - fixtures
from tests.waiting import until


@pytest.fixture
def add(app):
    @app.task(name="add")
    async def add(x: int, y: int) -> int:
        return x + y

    return add


@pytest.fixture
def fail(app):
    @app.task(name="fail")
    async def fail() -> None:
        raise LookupError("nothing there")

    return fail


@pytest.fixture
def worker(worker):
    """The tour's worker, told to tell events: what `asynq worker -E` does from the start."""
    worker.events.enable()
    return worker


async def test_events_as_they_come(app, add, worker):
    async with app.events() as events:
        result = await add.delay(4, 4)
        types = []
        async for event in events:
            if event.get("uuid") == result.id:
                types.append(event["type"])
                if event["type"] == "task-succeeded":
                    break
    assert types == ["task-received", "task-started", "task-succeeded"]
    assert (event["name"], event["result"], event["hostname"]) == ("add", "8", worker.hostname)


async def test_handlers_and_a_state_as_in_celery(app, fail, worker):
    state = app.events.State()
    failed = []

    def announce_failed_tasks(event):
        state.event(event)
        # The uuid is all that Celery's later events have; the state knows the rest.
        task = state.tasks.get(event["uuid"])
        failed.append((task.name, task.info()["exception"]))

    receiver = app.events.Receiver(
        handlers={"task-failed": announce_failed_tasks, "*": state.event}, since="beginning"
    )
    capturing = asyncio.create_task(receiver.capture(limit=None, timeout=None, wakeup=True))
    await fail.delay()
    await until(lambda: failed)
    capturing.cancel()
    assert failed == [("fail", "LookupError('nothing there')")]


async def test_who_comes_late_reads_the_history(app, add, fail, worker):
    await asyncio.gather(add.delay(1, 1).get(), add.delay(2, 2).get())
    await fail.delay().get(propagate=False)
    state = app.events.State()

    async def all_is_told():
        await app.events.load(state, since="beginning")
        return sum(state.count_by_state().values()) == 3 and not state.find(state="STARTED")

    await until(all_is_told)
    assert state.count_by_state() == {"FAILURE": 1, "SUCCESS": 2}
    assert state.count_by_name() == {"add": 2, "fail": 1}
    assert [task.args for task in state.find(name="add", text="(2, 2)")] == ["(2, 2)"]
    assert [each.hostname for each in state.alive_workers()] == [worker.hostname]


async def test_a_dump_of_what_another_process_tells(workers, directory, environment):  # noqa: F811
    """`asynq -A proj worker -E`, and `asynq -A proj events --dump` beside it."""
    await workers.start("-E", "-n", "w1@here")
    dump = directory / "dump"
    with dump.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "asynq", "-A", "tests.integration.proj", "events", "--dump"),
            *("--from", "beginning"),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=file,
        )
    call = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "asynq", "-A", "tests.integration.proj", "call"),
        *("tests.integration.proj.add", "-a", "[4, 4]"),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
    )
    await call.wait()
    try:
        await until(lambda: "task succeeded" in dump.read_text(), within=30)
    finally:
        process.terminate()
        await process.wait()
    first, *lines = dump.read_text().splitlines()
    assert first == "-> evdump: starting capture..."
    assert re.match(r"w1@here \[\d.*\] started: active=0, ", lines[0])
    received = next(line for line in lines if "task received" in line)
    assert re.search(r"add\([0-9a-f-]{36}\) args=\(4, 4\) kwargs=\{\} clock=\d+", received)
