"""Metrics and a trace of a few tasks: ``python -m examples.monitoring``.

A service would show the metrics at an address for Prometheus to read, and send its spans to a
collector; here both are printed.
"""

import asyncio
from collections import defaultdict

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from asynq import Asynq, Worker
from asynq.contrib.opentelemetry import OpenTelemetry
from asynq.contrib.prometheus import Prometheus

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)

app = Asynq("monitoring-example", middleware=[OpenTelemetry()])
metrics = Prometheus(app)


@app.task(name="price")
async def price(item: str) -> int:
    return {"book": 12, "lamp": 30}[item]


@app.task(name="total")
async def total(items: list[str]) -> int:
    prices = [await price.delay(item) for item in items]
    return sum([await each.get() for each in prices])


@app.task(name="ship", autoretry_for=(TimeoutError,), retry_backoff=0.01)
async def ship(item: str) -> str:
    if ship.request.retries < 1:
        raise TimeoutError("the carrier does not answer")
    return f"shipped a {item}"


def show(children: dict[int, list[ReadableSpan]], parent: int = 0, depth: int = 0) -> None:
    """Print the spans below one, by the time they began."""
    for span in sorted(children[parent], key=lambda span: span.start_time or 0):
        state = (span.attributes or {}).get("asynq.task.state", "")
        print("  " * depth + f"{span.name} {state}".rstrip())
        if span.context is not None:
            show(children, span.context.span_id, depth + 1)


async def main() -> None:
    async with app, Worker(app):
        with trace.get_tracer("example").start_as_current_span("POST /orders"):
            print(await total.delay(["book", "lamp"]).get())
            print(await ship.delay("lamp").get())
        body, _ = await metrics.exposition()
    for line in body.decode().splitlines():
        if line.startswith(("asynq_tasks_total", "asynq_tasks_published_total", "asynq_broker")):
            print(line)
    children = defaultdict(list)
    for span in spans.get_finished_spans():
        children[span.parent.span_id if span.parent else 0].append(span)
    show(children)


if __name__ == "__main__":
    asyncio.run(main())
