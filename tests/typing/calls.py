"""Calls as users write them. A line marked ``# wrong`` must be an error, every other must be none.

Checked by mypy and pyright in `test_calls`; never run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, assert_type

from asynq import AsyncResult, Asynq, Attempt, Submission, Task, run, shared_task

app = Asynq("proj", broker="memory://", include=["proj.tasks"], task_track_started=True)


@app.task
async def add(x: int, y: int) -> int:
    return x + y


@app.task
def mul(x: int, y: int = 2) -> int:
    return x * y


@app.task(queue="slow", priority=9, throws=(KeyError,), pool="thread")
def join(words: list[str], *, glue: str = " ") -> str:
    return glue.join(words)


@app.task(bind=True, ignore_result=True)
async def tell(self: Task, who: str) -> None:
    print(self.request.id, who)


@shared_task
async def share(x: float) -> str:
    return str(x)


@shared_task(name="lib.halve")
def halve(x: int) -> float:
    return x / 2


class DebugTask(Task):
    queue = "debug"
    ignore_result = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        print(f"TASK STARTING: {self.name}[{self.request.id}]")
        return self.run(*args, **kwargs)


class Report(Task):
    name = "proj.report"

    def run(self, month: int) -> str:
        return f"report {month} of {self.app.main}"


@app.task(base=DebugTask)
def debugged(x: int) -> int:
    return x


app.Task = DebugTask
report = app.register_task(Report())


async def calls() -> None:
    assert_type(add.delay(1, 2), Submission[int])
    assert_type(await add.delay(1, 2), AsyncResult[int])
    assert_type(await add.delay(1, 2).get(timeout=3), int)
    assert_type(await (await add.delay(1, 2)), int)
    assert_type(await add.delay(1, 2).get(propagate=False), int | BaseException)
    assert_type(await (await add.delay(1, 2)).get(10, False), int | BaseException)
    assert_type(await (await add.delay(1, 2)).attempts, list[Attempt])
    await (await add.delay(1, 2)).revoke(terminate=True)
    coroutine = assert_type(add(4, 4), Coroutine[Any, Any, int])
    await coroutine
    assert_type(await add(4, 4), int)
    assert_type(mul(4, 4), int)
    assert_type(await mul.delay(4).get(), int)
    assert_type(await join.delay(["a"], glue="-").get(), str)
    assert_type(await share.delay(1.5).get(), str)
    assert_type(halve(1), float)
    assert_type(await add.apply_async((1, 2), countdown=3, queue="q").get(), int)
    assert_type(await add.apply((1, 2)).get(), int)
    await tell.delay("me")
    await tell("me")
    await report.delay(3)
    assert_type(debugged(1), int)

    result = await add.delay(1, 2)
    assert_type(await result.state, str)
    assert_type(await result.ready(), bool)
    async for update in result.updates():
        print(update.state, update.info)
    assert_type(await app.AsyncResult(result.id), Any)
    assert_type(await add.AsyncResult(result.id), int)
    both = await asyncio.gather(add.delay(1, 2), mul.delay(1))
    assert_type(both, tuple[AsyncResult[int], AsyncResult[int]])
    async with asyncio.TaskGroup() as group:
        assert_type(group.create_task(add.delay(1, 2).get()), asyncio.Task[int])
        group.create_task(add.delay(1, 2).send())


def without_a_loop() -> None:
    assert_type(run(add.delay(1, 2)), AsyncResult[int])
    assert_type(run(add.delay(1, 2).get()), int)


async def mistakes() -> None:
    add.delay(1, "x")  # wrong
    add.delay(1)  # wrong
    add.delay(1, 2, 3)  # wrong
    add.delay(1, z=2)  # wrong
    add(1, "x")  # wrong
    mul.delay("x")  # wrong
    join.delay(["a"], glue=1)  # wrong
    tell.delay(1)  # wrong
    share.delay("x")  # wrong
    add.apply_async((1, 2), countdwon=3)  # wrong
    add.apply_async((1, 2), priority="high")  # wrong
    text: str = await add.delay(1, 2).get()  # wrong
    print(text)
    (await add.delay(1, 2)).redy()  # wrong
    add.delay(1, 2).ready()  # wrong


async def forgotten_awaits() -> None:
    """They raise, so type checkers must go on to look at what follows."""
    result = await add.delay(1, 2)
    if result.ready():
        add.delay(1, "x")  # wrong
    if result.state == "SUCCESS":
        add.delay(1, "x")  # wrong
    len(result.result)  # wrong
    add.delay(1, "x")  # wrong


@app.task(queu="x")  # wrong
def misspelt() -> None: ...


@app.task(pool="fork")  # wrong
def misplaced() -> None: ...
