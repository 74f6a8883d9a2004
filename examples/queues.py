"""Queues that are watched, paused and limited, with a worker in the same process.

Run it: python -m examples.queues
"""

import asyncio

from asynq import Asynq, Worker

app = Asynq("queues-example", task_queues=["default", "reports"])
running: set[int] = set()


@app.task
async def report(pages: int) -> str:
    running.add(pages)
    most = len(running)
    await asyncio.sleep(0.02)
    running.discard(pages)
    return f"{pages} pages, {most} at once"


async def show() -> None:
    for queue in await app.queues.list():
        state = "paused" if queue.paused else f"at most {queue.limit}" if queue.limit else "open"
        print(f"{queue.name}: {queue.ready} wait, {state}")


async def main() -> None:
    async with app:
        await app.queues.pause("reports")
        await app.queues.limit("reports", 2)
        sent = [await report.apply_async((pages,), queue="reports") for pages in range(6)]
        async with Worker(app, concurrency=10):
            await show()
            await app.queues.resume("reports")
            told = [await each.get(timeout=10) for each in sent]
            print(max(told, key=lambda each: each.split()[2]).partition(", ")[2])
        await app.queues.limit("reports", None)
        await show()


if __name__ == "__main__":
    asyncio.run(main())
