"""The overview: how much is done, how long it takes, what fails, what waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Grid, Horizontal
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from asynq import states
from asynq._amounts import roughly
from asynq._time import time
from asynq.events.rates import Second, Summary, summed
from asynq.monitor.cluster import Cluster
from asynq.monitor.screen.failures import FailureTable
from asynq.monitor.screen.graph import Graph, stretch, times
from asynq.monitor.screen.look import BAD, BUSY, DIM, GOOD, ODD, STATES, STRONG, fit, rate, span
from asynq.monitor.screen.table import Table
from asynq.monitor.screen.view import OpenTask, View

SAMPLES: Final = 1800
"""Looks at the queues that are kept: an hour."""
LATELY: Final = 10
"""Seconds that the numbers at the top are of."""

GRAPHS: Final = ("done", "took", "failed", "waiting")
SHOWN: Final = 100
"""Failures that are listed."""


class Sample(NamedTuple):
    """What a look at the queues has found."""

    at: float
    ready: int
    running: int


class Drawn(NamedTuple):
    """What a graph shows."""

    title: str
    bars: Sequence[tuple[float, float]]
    """For each column the whole, and the part."""
    value: Callable[[float], str]
    """How a number of it is written."""


class Overview(View):
    """The cluster at a glance."""

    def __init__(self, cluster: Cluster, *, id: str) -> None:
        super().__init__(id=id)
        self.cluster = cluster
        self.samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._sampled = -1
        self._drawn = Size(0, 0)
        self._turn = 0
        self.table = FailureTable(id="failures")

    def compose(self) -> ComposeResult:
        """Numbers, four graphs, and three short lists."""
        self.table.border_title = "Last failures"
        yield Static(id="numbers")
        with Grid(id="graphs"):
            yield Graph((GOOD, GOOD), id="done")
            yield Graph((BUSY, "#33607f"), id="took")
            yield Graph(("#f07178", ODD), id="failed")
            yield Graph((ODD, "#8a7136"), id="waiting")
        with Horizontal(id="lists"):
            yield Counts("By state", STATES, id="by-state")
            yield Counts("By name", {}, id="by-name")
            yield self.table

    def renew(self) -> None:
        """Show what has come in: one of the graphs, each time another one, and all else.

        To draw takes longer than to reckon; so it is done in parts, and the loop goes on between.
        """
        self.sample()
        now = time()
        self._numbers(now)
        graphs = list(GRAPHS) if self.size != self._drawn else [GRAPHS[self._turn % len(GRAPHS)]]
        self._turn += 1
        if self.query_one("#done", Graph).size:
            self._drawn = self.size
            for id in graphs:
                self._draw(id, now)
        state = self.cluster.state
        self.query_one("#by-state", Counts).show(state.count_by_state())
        self.query_one("#by-name", Counts).show(state.count_by_name())
        failures = state.find(state=states.FAILURE, limit=SHOWN)
        if failures != self.table.failures:
            self.table.failures = failures
            self.table.reload()

    def sample(self) -> None:
        """Remember what the last look at the queues has found; also while this is not seen."""
        if self._sampled == self.cluster.changed:
            return
        self._sampled = self.cluster.changed
        if self.cluster.problem is None and self.cluster.queues:
            ready = sum(queue.ready for queue in self.cluster.queues)
            running = sum(queue.running for queue in self.cluster.queues)
            self.samples.append(Sample(time(), ready, running))

    def _numbers(self, now: float) -> None:
        lately = self.cluster.state.rates.summary(LATELY, now - 1)
        queues = self.cluster.queues
        over = lately.succeeded + lately.failed
        share = lately.failed / over if over else 0.0
        dead = sum(queue.dead for queue in queues)
        oldest = max((queue.age for queue in queues), default=0.0)
        told = Text(no_wrap=True)
        for word, value, style in (
            ("done ", f"{rate(lately.per_second)}/s", STRONG),
            ("failed ", f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}",
             BAD if share else STRONG),
            ("run time ", span(lately.median) or "none", STRONG),
            ("waiting ", f"{sum(queue.ready for queue in queues):,}", STRONG),
            ("oldest ", roughly(oldest) if oldest else "none", ODD if oldest > 60 else STRONG),
            ("dead ", f"{dead:,}", BAD if dead else STRONG),
            ("running ", f"{sum(queue.running for queue in queues):,}", STRONG),
            ("delayed ", f"{sum(queue.delayed for queue in queues):,}", STRONG),
        ):  # fmt: skip
            if told.cell_len + len(word) + len(value) + 1 > self.size.width:
                break
            told.append(f" {word}", DIM)
            told.append(value, style)
            told.append(" ")
        self.query_one("#numbers", Static).update(told)

    def _draw(self, id: str, now: float) -> None:
        graph = self.query_one(f"#{id}", Graph)
        columns = graph.size.width
        spans = times(columns, now)
        if id == "waiting":
            drawn = self._waiting(spans)
        else:
            rates = self.cluster.state.rates
            lately, told = rates.summary(LATELY, now - 1), columns_of(rates.series, spans, now)
            drawn = _OF_RATES[id](lately, told)
        top = max((whole for whole, _ in drawn.bars), default=0.0)
        minutes = f"{columns * stretch(columns) / 60:.0f} min"
        about = f"{minutes}, highest {drawn.value(top)}" if top else minutes
        graph.show(drawn.title, about, drawn.bars)

    def _waiting(self, columns: Sequence[tuple[int, int]]) -> Drawn:
        ready = sum(queue.ready for queue in self.cluster.queues)
        bars = [(float(each.ready),) * 2 for each in held(self.samples, columns)]
        return Drawn(f"Waiting in queues · {ready:,}", bars, "{:,.0f}".format)

    @on(Table.Opened)
    def _opened(self, event: Table.Opened) -> None:
        self.post_message(OpenTask(self.table.failures[event.index].uuid))


def _done(lately: Summary, columns: Sequence[Summary]) -> Drawn:
    bars = [(each.per_second,) * 2 for each in columns]
    return Drawn(f"Done a second · {rate(lately.per_second)}", bars, rate)


def _took(lately: Summary, columns: Sequence[Summary]) -> Drawn:
    title = "Run time"
    if lately.median is not None:
        title += f" · {span(lately.median)}, 95 %: {span(lately.p95)}"
    return Drawn(title, [(each.p95 or 0.0, each.median or 0.0) for each in columns], span)


def _failed(lately: Summary, columns: Sequence[Summary]) -> Drawn:
    bad = (lately.failed + lately.retried) / LATELY
    bars = [((each.failed + each.retried) / each.seconds, each.failed / each.seconds)
            for each in columns]  # fmt: skip
    return Drawn(f"Failed, retried a second · {rate(bad)}", bars, rate)


_OF_RATES: Final = {"done": _done, "took": _took, "failed": _failed}
"""What the graphs of what tasks do show: of the last seconds, and of each column."""


def columns_of(
    series: Callable[[int, float], Sequence[Second]],
    columns: Sequence[tuple[int, int]],
    now: float,
) -> list[Summary]:
    """What happened in each column of a graph.

    Args:
        series: Gives seconds, see `asynq.events.rates.Rates.series`.
        columns: See `asynq.monitor.screen.graph.times`.
        now: Unix time.
    """
    first = columns[0][0]
    seconds = series(int(now) - first, now - 1)
    return [summed(seconds[begin - first : begin - first + length]) for begin, length in columns]


def held(samples: Sequence[Sample], columns: Sequence[tuple[int, int]]) -> list[Sample]:
    """For each column the last sample that is not younger than its end."""
    found, place = [], 0
    last = Sample(0.0, 0, 0)
    ordered = list(samples)
    for begin, length in columns:
        while place < len(ordered) and ordered[place].at < begin + length:
            last = ordered[place]
            place += 1
        found.append(last)
    return found


class Counts(Widget):
    """How many there are of each, the most first, with bars."""

    def __init__(self, title: str, colours: Mapping[str, str], *, id: str) -> None:
        super().__init__(id=id)
        self.border_title = title
        self._colours = colours
        self._counts: Sequence[tuple[str, int]] = ()

    def show(self, counts: Mapping[str, int]) -> None:
        """Show others."""
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        if ordered != self._counts:
            self._counts = ordered
            self.refresh()

    def render(self) -> Text:
        """The list."""
        width, height = self.size
        told = Text(no_wrap=True)
        most = max((number for _, number in self._counts), default=0)
        all = sum(number for _, number in self._counts)
        longest = max((len(name) for name, _ in self._counts), default=0)
        name_width = max(9, min(longest, width - 15))
        for name, number in self._counts[:height]:
            told.append(fit(name or "(name not told)", name_width, end=True),
                        self._colours.get(name, ""))  # fmt: skip
            told.append(f"{number:>9,}", STRONG)
            told.append(f" {number / all:>4.0%} ", DIM)
            told.append("▪" * round(number / most * max(0, width - name_width - 15)), DIM)
            told.append("\n")
        if not self._counts:
            told.append("none", DIM)
        return told
