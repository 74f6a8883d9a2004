"""Code of yours around tasks: ``python -m examples.hooks``.

Hooks for some tasks, a signal for who wants to know, middleware for all calls and runs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from asynq import Asynq, Request, Task, Worker
from asynq.middleware import Middleware, Outgoing
from asynq.signals import task_failure

user: ContextVar[str] = ContextVar("user", default="nobody")


class Audited(Task):
    """Says what becomes of each run."""

    async def before_start(
        self, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        print(f"{user.get()} runs {self.name}{tuple(args)}")

    async def on_failure(
        self,
        exc: BaseException,
        task_id: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        einfo: Any,
    ) -> None:
        print(f"{self.name} has failed: {exc}")


class CarryUser(Middleware):
    """Brings along for whom a call was made."""

    async def publish(self, outgoing: Outgoing, proceed: Callable[[], Awaitable[None]]) -> None:
        outgoing.headers["user"] = user.get()
        await proceed()

    async def execute(self, request: Request, proceed: Callable[[], Awaitable[Any]]) -> Any:
        token = user.set((request.headers or {}).get("user", "nobody"))
        try:
            return await proceed()
        finally:
            user.reset(token)


app = Asynq("hooks-example", middleware=[CarryUser()])


@app.task(base=Audited, name="div")
async def div(x: int, y: int) -> float:
    return x / y


@task_failure.connect
async def alert(sender: Task, exception: BaseException, **named: object) -> None:
    print(f"alert: {type(exception).__name__} in {sender.name}")


async def main() -> None:
    async with app, Worker(app):
        user.set("ada")
        print(await div.delay(8, 2).get())
        await div.delay(1, 0).get(propagate=False)


if __name__ == "__main__":
    asyncio.run(main())
