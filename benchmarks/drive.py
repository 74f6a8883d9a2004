"""Drives one system from outside, under that system's own interpreter.

    python -m benchmarks.drive SYSTEM JOB --count N [--task noop] [--clients K]

SYSTEM is a module of `benchmarks.systems`; its worker, where the job needs one, runs elsewhere.
What was measured is printed as one line of JSON, the last on stdout. The jobs:

- `enqueue-one`: calls awaited one by one. `seconds`, and `cpu`, this process's own seconds.
- `enqueue-many`: concurrent calls: gathers of 2,000 coroutines, or 2 threads. The same figures.
- `fill`: the same calls, exactly `--count` of them, with nothing before to get warm.
- `round-trips`: one client, from a call to its result, one at a time. Also `trips`, their seconds.
- `clients`: K clients, each of which does that in a loop, `--count` round trips together.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.producer import AsyncProducer, SyncProducer

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

GATHER = 2_000
"""Concurrent calls at a time, where calls are coroutines; a part of the work for all."""
THREADS = 2
"""Concurrent calls at a time, where calls block: more are slower, by the interpreter's lock."""
PATIENCE = 60.0
"""Seconds in which a worker that has just been started must answer its first call."""

Figures = dict[str, Any]


class Clock:
    """Seconds and seconds of processor time of what happens inside of it."""

    def __enter__(self) -> Clock:
        self._began = time.perf_counter()
        self._cpu = time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu = time.process_time() - self._cpu
        self.seconds = time.perf_counter() - self._began

    def figures(self, count: int) -> Figures:
        """As the frame reads them."""
        return {"count": count, "seconds": self.seconds, "cpu": self.cpu}


@dataclass(frozen=True)
class FromCoroutines:
    """The jobs on a producer whose calls are awaited."""

    producer: AsyncProducer
    task: str

    def run(self, job: Callable[[], Awaitable[Figures]]) -> Figures:
        """In a loop of its own, uvloop's where the system can have it."""
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(self._connected(job))

    async def enqueue_one(self, count: int) -> Figures:
        await self.producer.send(self.task, 0)
        with Clock() as clock:
            for number in range(count):
                await self.producer.send(self.task, number)
        return clock.figures(count)

    async def enqueue_many(self, count: int) -> Figures:
        await self.producer.send(self.task, 0)
        return await self.fill(count)

    async def fill(self, count: int) -> Figures:
        many = getattr(self.producer, "send_many", self._gather)
        with Clock() as clock:
            for numbers in _parts(count):
                await many(self.task, numbers)
        return clock.figures(count)

    async def _gather(self, task: str, numbers: range) -> None:
        width = getattr(self.producer, "at_a_time", GATHER)
        for at in range(0, len(numbers), width):
            part = numbers[at : at + width]
            await asyncio.gather(*[self.producer.send(task, number) for number in part])

    async def round_trips(self, count: int) -> Figures:
        await asyncio.wait_for(self._trip(), PATIENCE)
        with Clock() as clock:
            trips = [await self._trip() for _ in range(count)]
        return {**clock.figures(count), "trips": trips}

    async def clients(self, count: int, clients: int) -> Figures:
        async def client() -> list[float]:
            return [await self._trip() for _ in range(count // clients)]

        await asyncio.wait_for(self._trip(), PATIENCE)
        with Clock() as clock:
            trips = await asyncio.gather(*[client() for _ in range(clients)])
        return _summary(trips, clock)

    async def _trip(self) -> float:
        began = time.perf_counter()
        await self.producer.wait(await self.producer.send(self.task, 0))
        return time.perf_counter() - began

    async def _connected(self, job: Callable[[], Awaitable[Figures]]) -> Figures:
        await self.producer.open()
        try:
            return await job()
        finally:
            await self.producer.close()


@dataclass(frozen=True)
class FromThreads:
    """The jobs on a producer whose calls block."""

    producer: SyncProducer
    task: str

    def run(self, job: Callable[[], Figures]) -> Figures:
        """Between opening and closing the producer."""
        self.producer.open()
        try:
            return job()
        finally:
            self.producer.close()

    def enqueue_one(self, count: int) -> Figures:
        self.producer.send(self.task, 0)
        with Clock() as clock:
            for number in range(count):
                self.producer.send(self.task, number)
        return clock.figures(count)

    def enqueue_many(self, count: int) -> Figures:
        self.producer.send(self.task, 0)
        return self.fill(count)

    def fill(self, count: int) -> Figures:
        many = getattr(self.producer, "send_many", self._from_threads)
        with Clock() as clock:
            for numbers in _parts(count):
                many(self.task, numbers)
        return clock.figures(count)

    def _from_threads(self, task: str, numbers: range) -> None:
        rest = iter(numbers)

        def share() -> None:
            for number in rest:  # one step of C: each number is given once
                self.producer.send(task, number)

        _in_threads(share, THREADS)

    def round_trips(self, count: int) -> Figures:
        self._trip()
        with Clock() as clock:
            trips = [self._trip() for _ in range(count)]
        return {**clock.figures(count), "trips": trips}

    def clients(self, count: int, clients: int) -> Figures:
        def client() -> list[float]:
            return [self._trip() for _ in range(count // clients)]

        self._trip()
        with Clock() as clock:
            trips = _in_threads(client, clients)
        return _summary(trips, clock)

    def _trip(self) -> float:
        began = time.perf_counter()
        self.producer.wait(self.producer.send(self.task, 0))
        return time.perf_counter() - began


def _parts(count: int) -> Iterator[range]:
    for at in range(0, count, GATHER):
        yield range(at, min(at + GATHER, count))


def _in_threads(work: Callable[[], Any], threads: int) -> list[Any]:
    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(threads)]]


def _summary(trips: Sequence[Sequence[float]], clock: Clock) -> Figures:
    seconds = sorted(second for client in trips for second in client)
    return {
        **clock.figures(len(seconds)),
        **{f"p{part}": seconds[len(seconds) * part // 100] for part in (50, 95, 99)},
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drive")
    parser.add_argument("system")
    jobs = ("enqueue-one", "enqueue-many", "fill", "round-trips", "clients")
    parser.add_argument("job", choices=jobs)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--task", default="noop", choices=("noop", "nap", "work"))
    parser.add_argument("--clients", type=int, default=50)
    return parser.parse_args()


def main() -> None:
    options = _options()
    producer = importlib.import_module(f"benchmarks.systems.{options.system}").producer
    is_async = inspect.iscoroutinefunction(producer.send)
    driver = (FromCoroutines if is_async else FromThreads)(producer, options.task)
    job = getattr(driver, options.job.replace("-", "_"))
    more = (options.clients,) if options.job == "clients" else ()
    print(json.dumps(driver.run(lambda: job(options.count, *more))), flush=True)


if __name__ == "__main__":
    main()
