"""Celery as where single tasks are measured, and its result backend in Redis, as chords need it.

- Late acks, long prefetch, no chatter between workers; results in Redis. User Guide: Optimizing;
  Workers; Canvas: Chords, Important Notes
- celery-prefork: `--pool prefork`, as many children as cores, the default. celery-threads:
  `--pool threads`, ten. User Guide: Workers, Concurrency
- Workflows are sent one after the other, which is faster than from threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery import chain, chord, group

from benchmarks import tally
from benchmarks.canvas.build import Words
from benchmarks.systems.celery import app


@app.task(name="step")
def step(value: int) -> int:
    tally.count()
    return value


@app.task(name="total")
def total(values: list[int]) -> int:
    tally.count()
    return sum(values)


class Sender:
    """Workflows of Celery."""

    words = Words(chain, group, chord, step, total)

    def open(self) -> None:
        app.finalize()

    def close(self) -> None:
        app.close()

    def send(self, canvases: Sequence[Any]) -> list[Any]:
        return [each() for each in canvases]

    def wait(self, handles: Sequence[Any]) -> list[Any]:
        return [handle.get() for handle in handles]


sender = Sender()
