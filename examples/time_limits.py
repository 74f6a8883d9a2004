"""Tasks that may not take for ever: ``python -m examples.time_limits``."""

import asyncio
import time

from asynq import Asynq, SoftTimeLimitExceeded, TimeLimitExceeded, Worker

app = Asynq("time-limits-example")


@app.task(soft_time_limit=0.2)
async def crawl() -> str:
    """Told that its time is over, it returns what it has."""
    pages = 0
    try:
        while True:
            await asyncio.sleep(0.01)
            pages += 1
    except SoftTimeLimitExceeded:
        return "some pages" if pages else "nothing"


@app.task(soft_time_limit=0.2)
def read() -> str:
    """In a thread it is told as soon as it runs a line of Python."""
    try:
        while True:
            time.sleep(0.01)
    except SoftTimeLimitExceeded:
        return "some lines"


@app.task
async def stubborn() -> None:
    """Ended, without being asked."""
    await asyncio.sleep(3600)


@app.task(pool="process")
def compute() -> int:
    """Computes for ever; its child process is killed."""
    number = 0
    while True:
        number += 1


async def main() -> None:
    async with app, Worker(app):
        print("crawled", await crawl.delay().get())
        print("read", await read.delay().get())
        for task in (stubborn, compute):
            try:
                await task.apply_async(time_limit=1.0).get()
            except TimeLimitExceeded:
                print(f"{task.run.__name__} was ended")


if __name__ == "__main__":
    asyncio.run(main())
