"""Watch tasks from outside: ``python -m examples.events``.

The events as they come, and the cluster that they tell of.
"""

import asyncio

from asynq import Asynq, Worker

app = Asynq("events-example")


@app.task(name="add")
async def add(x: int, y: int) -> int:
    return x + y


@app.task(name="fail")
async def fail() -> None:
    raise LookupError("nothing there")


async def watch(id: str) -> None:
    """Print what becomes of a task."""
    async with app.events(since="beginning") as events:
        async for event in events:
            if event.get("uuid") == id:
                print(event["type"], event.get("result") or event.get("exception") or "")
                if event["type"] in ("task-succeeded", "task-failed"):
                    return


async def main() -> None:
    async with app, Worker(app, task_events=True):
        await watch((await add.delay(4, 4)).id)
        await watch((await fail.delay()).id)
        state = app.events.State()
        await app.events.load(state)
        for _, task in state.tasks_by_time(reverse=False):
            print(f"{task.name}{task.args} {task.state}")


if __name__ == "__main__":
    asyncio.run(main())
