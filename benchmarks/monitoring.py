"""What metrics and traces cost a task: ``python -m benchmarks.monitoring``.

The same no-op tasks are sent, and then run, by one event loop, without anything and with each in
turn. What is measured is processor time of the loop's thread; the best of several rounds counts.
Tasks are sent as they are run, so that a trace has something to go on from.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from prometheus_client import CollectorRegistry

from asynq import Asynq
from asynq.cli.loop import loop_factory
from asynq.contrib.opentelemetry import OpenTelemetry
from asynq.contrib.prometheus import Prometheus
from asynq.worker.worker import Worker
from benchmarks.profile.apart import app_at, say_errors_alone
from benchmarks.profile.meters import Cpu
from benchmarks.server import private_server

BATCH = 1_000
"""Calls in one `gather`; as many run before and after what is measured."""


class Nowhere(SpanExporter):
    """Takes spans and forgets them: what an exporter costs is its own affair."""

    def export(self, spans: Sequence[object]) -> SpanExportResult:
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None: ...


def nothing(app: Asynq) -> None:
    """As it is."""


def prometheus(app: Asynq) -> None:
    """Calls, runs and waits are counted."""
    Prometheus(app, registry=CollectorRegistry())


def without_sdk(app: Asynq) -> None:
    """Tracing, in a program that records nothing."""
    app.middleware.append(OpenTelemetry())


def sampled_out(app: Asynq) -> None:
    """Tracing, of which the sampler wants nothing."""
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    app.middleware.append(OpenTelemetry(tracer_provider=provider))


def traced(app: Asynq) -> None:
    """Every call and every run is a span, exported in batches by a thread."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    app.middleware.append(OpenTelemetry(tracer_provider=provider))


WAYS: dict[str, Callable[[Asynq], None]] = {
    "nothing": nothing,
    "Prometheus": prometheus,
    "OpenTelemetry, no SDK": without_sdk,
    "OpenTelemetry, sampled out": sampled_out,
    "OpenTelemetry, every span": traced,
}


@dataclass
class Best:
    """Microseconds of a task, the least that were seen."""

    calling: float = field(default=float("inf"))
    running: float = field(default=float("inf"))


@contextmanager
def metered() -> Iterator[Cpu]:
    """Processor time of what is inside."""
    meter = Cpu()
    gc.collect()
    meter.begin()
    yield meter
    meter.end()


async def play(url: str, way: Callable[[Asynq], None], count: int) -> Best:
    """Send so many tasks and run them."""
    app, meter, over = app_at(url), Cpu(), asyncio.Event()
    begun = 0

    @app.task(name="profile.noop")
    async def noop(number: int) -> None:
        nonlocal begun
        begun += 1
        if begun == BATCH:
            meter.begin()
        elif begun == BATCH + count:
            meter.end()
        elif begun == count + 2 * BATCH:
            over.set()

    way(app)
    async with app:
        await asyncio.gather(*(noop.delay(number) for number in range(BATCH)))
        with metered() as calling:
            for _ in range(0, count, BATCH):
                await asyncio.gather(*(noop.delay(number) for number in range(BATCH)))
        await asyncio.gather(*(noop.delay(number) for number in range(BATCH)))
        gc.collect()
        async with Worker(app):
            await over.wait()
    return Best(calling.thread * 1e6 / count, meter.thread * 1e6 / count)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="the fastest one counts")
    parser.add_argument("--tasks", type=int, default=10_000)
    options = parser.parse_args()
    say_errors_alone()
    best = {name: Best() for name in WAYS}
    with private_server() as (url, server):
        for _ in range(options.rounds):
            for name, way in WAYS.items():
                with asyncio.Runner(loop_factory=loop_factory()) as runner:
                    seen = runner.run(play(url, way, options.tasks))
                known = best[name]
                known.calling = min(known.calling, seen.calling)
                known.running = min(known.running, seen.running)
    bare = best["nothing"]
    print(f"{server}: microseconds of the loop's thread a task\n")
    for name, each in best.items():
        more = f"+{each.calling - bare.calling:.1f}", f"+{each.running - bare.running:.1f}"
        print(
            f"{name:28} call {each.calling:6.1f} {more[0]:>6}  run {each.running:6.1f} {more[1]:>6}"
        )


if __name__ == "__main__":
    main()
