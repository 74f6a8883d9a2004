"""Starts a worker, sends it real work, and shows what became of it. Ends in a few seconds."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from statistics import median, quantiles

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from asynq import AsyncResult
from examples.demo.tasks import app, charge, count_primes, fetch, resize

WORK = [
    (fetch, range(3000)),
    (resize, range(100)),
    (count_primes, [20_000] * 6),
    (charge, range(30)),
]

console = Console()


@contextmanager
def a_worker():
    """`asynq worker` in a process of its own, stopped at the end as an operator would."""
    command = [
        sys.executable, "-m", "asynq", "-A", "examples.demo.tasks",
        "worker", "-c", "500", "-l", "ERROR",
    ]  # fmt: skip
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield worker
    finally:
        worker.terminate()
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            worker.kill()


async def send() -> list[AsyncResult]:
    """Everything at once: concurrent calls share one connection."""
    calls = [task.delay(value) for task, values in WORK for value in values]
    return await asyncio.gather(*calls)


async def produce() -> int:
    names = [task.name for task, values in WORK for _ in values]
    seconds: dict[str, list[float]] = {task.name: [] for task, _ in WORK}
    states: Counter[tuple[str, str]] = Counter()

    async with app:
        began = time.perf_counter()
        results = await send()
        sent = time.perf_counter() - began
        console.print(f"sent {len(results):,} tasks in {sent:.2f} s ({len(results) / sent:,.0f}/s)")

        with Progress(
            TextColumn("running"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn(),
            console=console,
        ) as progress:  # fmt: skip
            bar = progress.add_task("", total=len(results))

            async def watch(name: str, result: AsyncResult) -> None:
                value = await result.get(timeout=60, propagate=False)
                failed = isinstance(value, BaseException)
                states[name, "FAILURE" if failed else "SUCCESS"] += 1
                if not failed:
                    seconds[name].append(value)
                progress.advance(bar)

            await asyncio.gather(*map(watch, names, results))
        took = time.perf_counter() - began

    table = Table("task", "sent", "SUCCESS", "FAILURE", "run time p50", "p95", "in a")
    for task, values in WORK:
        times = seconds[task.name]
        table.add_row(
            task.name.rpartition(".")[2],
            f"{len(values):,}",
            f"{states[task.name, 'SUCCESS']:,}",
            f"{states[task.name, 'FAILURE']:,}",
            f"{median(times) * 1000:.0f} ms",
            f"{quantiles(times, n=20)[-1] * 1000:.0f} ms",
            task.pool,
        )
    console.print(table)
    console.print(
        f"{len(results):,} tasks, {sum(map(sum, seconds.values())):,.0f} s of work, done in "
        f"{took:.1f} s:\n{len(results) / took:,.0f} tasks a second with one worker process."
    )
    declined = sum(card % 3 == 0 for card in WORK[-1][1])
    expected = len(results) - declined
    succeeded = sum(count for (_, state), count in states.items() if state == "SUCCESS")
    return 0 if succeeded == expected and sum(states.values()) == len(results) else 1


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="asynq-demo-") as directory:
        os.environ["ASYNQ_STATE_DIR"] = directory
        console.print("starting a private server and a worker …")
        with a_worker():
            return asyncio.run(produce())


if __name__ == "__main__":
    sys.exit(main())
