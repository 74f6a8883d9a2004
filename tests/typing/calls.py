"""Calls as users write them. A line marked ``# wrong`` must be an error, every other must be none.

Checked by mypy and pyright in `test_calls`; never run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, assert_type

from asynq import (
    AsyncResult,
    Asynq,
    Attempt,
    GroupResult,
    Request,
    Retry,
    Signature,
    Submission,
    Task,
    chain,
    chord,
    group,
    run,
    shared_task,
    signals,
)
from asynq.canvas import Canvas
from asynq.execution.hooks import ExceptionInfo
from asynq.middleware import Middleware, Outgoing

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


class Telling(Task):
    """Hooks, as `def` and as `async def`."""

    max_retries = None
    retry_backoff = 2.5

    def before_start(self, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        print(self.request.retries)

    async def on_failure(
        self,
        exc: BaseException,
        task_id: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        einfo: ExceptionInfo,
    ) -> None:
        print(einfo.exception, einfo.traceback)


class Tenants(Middleware):
    async def publish(self, outgoing: Outgoing, proceed: Callable[[], Awaitable[None]]) -> None:
        outgoing.headers["tenant"] = "t1"
        await proceed()

    async def execute(self, request: Request, proceed: Callable[[], Awaitable[Any]]) -> Any:
        return await proceed()


Asynq("proj", middleware=[Tenants()]).middleware.append(Tenants())


@signals.task_failure.connect
async def tell_of_failure(sender: Task, exception: BaseException, **named: Any) -> None:
    print(sender.name, exception)


@signals.task_success.connect(sender="proj.add")
def tell_of_success(result: object, **named: Any) -> None:
    print(result)


@app.task(bind=True, base=Telling, autoretry_for=(OSError,), retry_for=60, time_limit=9)
async def flaky(self: Task, x: int) -> int:
    try:
        if x:
            raise self.retry((x - 1,), countdown=5, max_retries=None, queue="slow")
    except ValueError as error:
        raise self.retry(exc=error) from error
    again = assert_type(self.retry(throw=False), Retry)
    print(again.when)
    return x


class Report(Task):
    name = "proj.report"

    def run(self, month: int) -> str:
        return f"report {month} of {self.app.main}"


@app.task(base=DebugTask)
def debugged(x: int) -> int:
    return x


app.Task = DebugTask
report = app.register_task(Report())


async def canvas() -> None:
    signed = assert_type(add.s(1), Signature[int])
    assert_type(await signed.delay(2).get(), int)
    assert_type(await signed.set(countdown=3).clone((4,))(), AsyncResult[int])
    members = group(add.s(i, i) for i in range(3))
    handle = assert_type(await members(), GroupResult[int])
    assert_type(await handle, list[int])
    assert_type(await group(add.s(1, 1), add.s(2, 2))().get(), list[int])
    async for member in handle.iter():
        assert_type(await member, int)
    piped = assert_type(add.s(1, 1) | join.s(), Canvas[str])
    assert_type(await piped.delay().get(), str)
    assert_type(await chord(members, join.s())().get(), str)
    assert_type(await (members | join.s()).delay(), AsyncResult[str])
    assert_type(await add.chunks([(1, 2)], 3)().get(), list[list[int]])
    assert_type(add.s(1).link(join.s()), Signature[str])
    assert_type(add.s(1).on_error(join.s()), Signature[int])
    add.s(1).set(contdown=3)  # wrong
    add.s(1) | 3  # wrong
    chord(members, add)  # wrong
    chain(add.s(1), mul)  # wrong
    group(add.s(1), errors="keep")  # wrong
    group(add)  # wrong
    print(members.results)  # wrong


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
    AsyncResult("x")  # wrong


async def forgotten_awaits() -> None:
    """They raise, so type checkers must go on to look at what follows."""
    result = await add.delay(1, 2)
    if result.ready():
        add.delay(1, "x")  # wrong
    if result.state == "SUCCESS":
        add.delay(1, "x")  # wrong
    len(result.result)  # wrong
    add.delay(1, "x")  # wrong


async def mistaken_retries(task: Task) -> None:
    task.retry(countdwon=5, throw=False)  # wrong
    task.retry(5, throw=False)  # wrong
    task.retry(exc="text", throw=False)  # wrong
    task.retry(task_id="x", throw=False)  # wrong


@app.task(retry_backoff="fast")  # wrong
def too_vague() -> None: ...


@app.task(queu="x")  # wrong
def misspelt() -> None: ...


@app.task(pool="fork")  # wrong
def misplaced() -> None: ...
