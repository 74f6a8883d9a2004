"""The first page: what goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from asynq import states
from asynq.events.rates import Summary
from asynq.web import charts
from asynq.web.markup import Child, Markup, h, link
from asynq.web.telling import ago, cut, duration, number, rate
from asynq.web.views.layout import layout
from asynq.web.views.parts import Look, badge, in_order, meter, mood, named, panel, row, table
from asynq.web.views.queues import queue_table

SPANS: Final = {"5 min": 300, "15 min": 900, "1 h": 3600}
LATELY: Final = 500
"""Of so many tasks that have failed last, the errors are counted."""
NAMES: Final = 12
"""Kinds of tasks, and of errors, that are listed."""


class Trouble(Struct):
    """Tasks of one name that have failed in one way."""

    name: str
    error: str
    count: int
    last: float
    id: str
    """The last of them."""


def overview(look: Look, span: str) -> Markup:
    """The page.

    Args:
        look: Who looks.
        span: Which time the charts show, of `SPANS`.
    """
    seconds = SPANS[span]
    rates = look.cluster.state.rates
    steps = charts.steps(rates, seconds, look.now)
    spans = [
        h("a", name, href=link("", span=name), aria_current="true" if name == span else None)
        for name in SPANS
    ]
    choice = h("span", spans, class_="choice", role="group", aria_label="Time shown")
    plots = h(
        "div",
        panel("Throughput", charts.throughput(steps), aside=[_legend("good", "succeeded"),
              _legend("warn", "retried"), _legend("bad", "failed"), choice], id="throughput"),
        panel("Run time", charts.runtimes(steps), aside=[_legend("median", "median"),
              _legend("p95", "95 of 100")], id="runtime"),
        class_="pair",
    )  # fmt: skip
    return layout(
        look,
        "Overview",
        h("h1", "Overview", class_="unseen"),
        _tiles(look, rates.summary(seconds, look.now), span),
        plots,
        panel("Queues", queue_table(look, look.cluster.queues), id="queues"),
        h("div", _states(look), _troubles(look), class_="pair uneven"),
    )


def troubles(look: Look) -> list[Trouble]:
    """How tasks have failed lately, what happens most often first."""
    found: dict[tuple[str, str], Trouble] = {}
    for task in look.cluster.state.find(state=states.FAILURE, limit=LATELY):
        error = cut((task.exception or "").partition("\n")[0], 160)
        known = found.get((task.name, error))
        if known is None:
            found[task.name, error] = Trouble(task.name, error, 1, task.timestamp, task.uuid)
        else:
            known.count += 1
    return sorted(found.values(), key=lambda each: -each.count)


def _tiles(look: Look, lately: Summary, span: str) -> Markup:
    cluster = look.cluster
    queues = cluster.queues
    waiting = sum(queue.ready for queue in queues)
    dead = sum(queue.dead for queue in queues)
    oldest = max((queue.age for queue in queues if queue.ready), default=None)
    now = cluster.state.rates.summary(10, look.now - 1)
    ended = lately.succeeded + lately.failed
    share = f"{100 * lately.failed / ended:.1f} % of {number(ended)}" if ended else "nothing ended"
    return h(
        "div",
        _tile("Per second", rate(now.per_second), "ended, over 10 s"),
        _tile("Running", number(sum(queue.running for queue in queues)), f"on {_workers(look)}"),
        _tile("Ready", number(waiting), f"oldest {duration(oldest)}" if waiting else "none waits"),
        _tile("Delayed", number(sum(queue.delayed for queue in queues)), "wait for their time"),
        _tile("Failed", number(lately.failed), f"{share}, in {span}",
              href=link("tasks", state=states.FAILURE), bad=lately.failed > 0),
        _tile("Run time", duration(lately.median) or "-", f"95 %: {duration(lately.p95) or '-'}"),
        _tile("Dead letters", number(dead), "put aside", href="dead", bad=dead > 0),
        class_="tiles", id="tiles",
    )  # fmt: skip


def _tile(title: str, value: str, more: str, *, href: str = "", bad: bool = False) -> Markup:
    inside = [h("span", title, class_="title"), h("b", value), h("small", more)]
    kind = "tile bad" if bad else "tile"
    return h("a", inside, href=href, class_=kind) if href else h("div", inside, class_=kind)


def _workers(look: Look) -> str:
    count = len({*look.cluster.alive, *(each.id for each in look.cluster.state.alive_workers())})
    return f"{number(count)} worker{'' if count == 1 else 's'}"


def _legend(kind: str, label: str) -> Markup:
    return h("span", h("i", class_=f"key k-{kind}"), label, class_="legend")


def _states(look: Look) -> Markup:
    state = look.cluster.state
    counts = state.count_by_state()
    bar = meter([(mood(each), counts[each]) for each in in_order(counts)], "Tasks by state")
    listed = [
        h("a", badge(each), h("b", number(counts[each])), href=link("tasks", state=each))
        for each in in_order(counts)
    ]
    names = sorted(state.count_by_name().items(), key=lambda pair: -pair[1])[:NAMES]
    rows = [
        row([(h("a", named(name or "?"), href=link("tasks", name=name), class_="name"), "main"),
             (number(count), "number")])
        for name, count in names
    ]  # fmt: skip
    return panel(
        "Tasks in the history",
        h("div", bar, h("div", listed, class_="states"), class_="inside") if counts else None,
        table([("Task", ""), ("Count", "number")], rows, "No task was heard of."),
        id="states",
    )


def _troubles(look: Look) -> Markup:
    rows = [_trouble(look, each) for each in troubles(look)[:NAMES]]
    head = [("Task and error", ""), ("Count", "number"), ("Last", "number")]
    aside = h("span", f"of the last {LATELY}", class_="dim")
    return panel("Failures", table(head, rows, "None has failed."), aside=aside, id="failures")


def _trouble(look: Look, trouble: Trouble) -> Markup:
    told: Sequence[Child] = (
        h("a", named(trouble.name or "?"),
          href=link("tasks", name=trouble.name, state=states.FAILURE),
          class_="name"),
        h("a", trouble.error or "no error was told", href=link("task", id=trouble.id),
          class_="error"),
    )  # fmt: skip
    return row(
        [
            (told, "main two"),
            (number(trouble.count), "number"),
            (ago(trouble.last, look.now), "number"),
        ]
    )
