"""Charts of the last minutes, as SVG that stands in the page.

They are stretched to the width there is, so what must not be (numbers) stands beside them as text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from asynq.events.rates import Rates, summed
from asynq.web.markup import Child, Markup, h
from asynq.web.telling import clock, duration, rate

WIDTH: Final = 600
HEIGHT: Final = 120
BARS: Final = 60
"""Steps in which a time is shown."""


class Step(Struct, frozen=True):
    """Some seconds in one."""

    at: int
    seconds: int
    succeeded: int
    failed: int
    retried: int
    median: float | None
    p95: float | None


def steps(rates: Rates, seconds: int, now: float) -> list[Step]:
    """The last so many seconds, in `BARS` steps; the last of them is not over yet.

    They begin at round times, so that those that are over stay what they are.
    """
    size = max(1, seconds // BARS)
    until = int(now) - 1  # of this second not all is told
    series = rates.series((BARS - 1) * size + until % size + 1, until)
    found = []
    for first in range(0, len(series), size):
        part = series[first : first + size]
        total = summed(part)
        found.append(
            Step(part[0].at, len(part), total.succeeded, total.failed + total.rejected,
                 total.retried, total.median, total.p95)
        )  # fmt: skip
    return found


def throughput(steps: Sequence[Step]) -> Markup:
    """How many ended a second, and how."""
    most = max((_ended(step) / step.seconds for step in steps), default=0.0)
    top = nice(most)
    width = WIDTH / max(1, len(steps))
    bars: list[Markup] = []
    for place, step in enumerate(steps):
        kinds = (("good", step.succeeded), ("warn", step.retried), ("bad", step.failed))
        base = float(HEIGHT)
        for kind, count in kinds:
            if count:
                height = HEIGHT * count / step.seconds / top
                base -= height
                bars.append(
                    h("rect", x=_at(place * width + 0.6), y=_at(base), width=_at(width - 1.2),
                      height=_at(height), class_=f"f-{kind}")
                )  # fmt: skip
    spots = [(clock(step.at)[:8], _told(step)) for step in steps]
    return _plot("Throughput", bars, spots, f"{rate(top)}/s", f"{rate(top / 2)}/s")


def runtimes(steps: Sequence[Step]) -> Markup:
    """How long those ran that succeeded: the median, and what 95 of 100 did not pass."""
    top = nice(max((step.p95 or 0.0 for step in steps), default=0.0), 1e-6)
    drawn: list[Markup] = []
    for kind, values in (
        ("p95", [step.p95 for step in steps]),
        ("median", [step.median for step in steps]),
    ):
        drawn += [_line(run, len(steps), top, kind) for run in _runs(values)]
    spots = [
        (clock(step.at)[:8], f"median {duration(step.median)}, 95 %: {duration(step.p95)}")
        if step.median is not None else (clock(step.at)[:8], "nothing succeeded")
        for step in steps
    ]  # fmt: skip
    return _plot("Run time", drawn, spots, duration(top), duration(top / 2))


def nice(value: float, least: float = 1.0) -> float:
    """The next of 1, 2, 5, 10, 20, … that is not below it."""
    if value <= least:
        return least
    size = 10.0 ** math.floor(math.log10(value))
    return next(each * size for each in (1, 2, 5, 10, 20) if each * size >= value * 0.999999)


def _plot(
    title: str, drawn: Sequence[Child], spots: Sequence[tuple[str, str]], top: str, middle: str
) -> Markup:
    lines = [
        h("line", x1=0, x2=WIDTH, y1=_at(y), y2=_at(y), class_="grid",
          vector_effect="non-scaling-stroke")
        for y in (0.5, HEIGHT / 2, HEIGHT - 0.5)
    ]  # fmt: skip
    width = WIDTH / max(1, len(spots))
    hovers = [
        h("g", h("title", f"{at} UTC: {told}"),
          h("rect", x=_at(place * width), y=0, width=_at(width), height=HEIGHT, class_="hover"))
        for place, (at, told) in enumerate(spots)
    ]  # fmt: skip
    svg = h(
        "svg", h("title", title), *lines, *drawn, *hovers,
        viewBox=f"0 0 {WIDTH} {HEIGHT}", preserveAspectRatio="none", role="img",
    )  # fmt: skip
    ends = [spots[0][0], spots[-1][0]] if spots else ["", ""]
    return h(
        "div",
        svg,
        h("span", top, class_="y top"),
        h("span", middle, class_="y middle"),
        h("div", [h("span", end) for end in ends], class_="x"),
        class_="plot",
    )


def _line(run: Sequence[tuple[int, float]], count: int, top: float, kind: str) -> Markup:
    width = WIDTH / count
    points = [
        f"{_at((place + 0.5) * width)},{_at(HEIGHT * (1 - value / top))}" for place, value in run
    ]
    if len(points) == 1:  # a line of one point is none
        x, y = points[0].split(",")
        half = width / 2
        points = [f"{_at(float(x) - half)},{y}", f"{_at(float(x) + half)},{y}"]
    return h("polyline", points=" ".join(points), class_=f"line {kind}",
             vector_effect="non-scaling-stroke")  # fmt: skip


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The values that follow each other without a gap, with their places."""
    runs: list[list[tuple[int, float]]] = []
    last = -2
    for place, value in enumerate(values):
        if value is None:
            continue
        if place != last + 1:
            runs.append([])
        runs[-1].append((place, value))
        last = place
    return runs


def _ended(step: Step) -> int:
    return step.succeeded + step.failed + step.retried


def _told(step: Step) -> str:
    told = f"{rate(step.succeeded / step.seconds)}/s succeeded"
    for name, count in (("failed", step.failed), ("retried", step.retried)):
        if count:
            told += f", {count:,} {name}"
    return told


def _at(value: float) -> str:
    return f"{value:.1f}"
