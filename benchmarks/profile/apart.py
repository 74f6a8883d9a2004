"""The other side of what is profiled, in a process of its own: a worker, or a client.

python -m benchmarks.profile.apart worker URL
python -m benchmarks.profile.apart client URL COUNT
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asynq import Asynq, Task
from asynq.cli.loop import loop_factory
from asynq.worker.worker import Worker

ROOT = Path(__file__).parents[2]


def app_at(url: str) -> Asynq:
    """The app of all scenes."""
    return Asynq("profile", broker=url)


def plain_app(url: str) -> tuple[Asynq, Task[[int], None]]:
    """The app with its one task, which does nothing."""
    app = app_at(url)

    @app.task(name="profile.noop")
    async def noop(number: int) -> None:
        return None

    return app, noop


async def empty(url: str) -> None:
    """Leave nothing in the queue for the next scene."""
    async with app_at(url) as app:
        await app.broker.purge("default")


def say_errors_alone() -> None:
    """For a process that does nothing else: it would warn of this bare server."""
    logging.getLogger("asynq").setLevel(logging.ERROR)


@contextmanager
def apart(side: str, url: str, count: int = 0) -> Iterator[None]:
    """Have the other side run in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.profile.apart", side, url, str(count)]
    process = subprocess.Popen(words, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


async def _work(url: str) -> None:
    app, _ = plain_app(url)
    async with app:
        await Worker(app).run()


async def _ask(url: str, count: int) -> None:
    app, noop = plain_app(url)
    async with app:
        for number in range(count):
            await noop.delay(number).get(timeout=60)


def main() -> None:
    say_errors_alone()
    side, url, count = sys.argv[1:]
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_work(url) if side == "worker" else _ask(url, int(count)))


if __name__ == "__main__":
    main()
