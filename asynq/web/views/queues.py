"""Queues: how full they are, and what can be done with them."""

from __future__ import annotations

from collections.abc import Sequence

from asynq.queues import QueueInfo
from asynq.web.markup import Child, Markup, h, link
from asynq.web.telling import duration, number, rate
from asynq.web.views.layout import layout
from asynq.web.views.parts import Look, button, form, panel, row, table, tag

HEAD = (
    ("Queue", ""), ("Ready", "number"), ("Running", "number"), ("Delayed", "number"),
    ("Oldest", "number"), ("Per second", "number"), ("Dead", "number"), ("Workers", "number wide"),
    ("", "wide"),
)  # fmt: skip


def queues(look: Look) -> Markup:
    """The page."""
    cluster = look.cluster
    rows = [_row(look, queue, acts=True) for queue in cluster.queues]
    head = [*HEAD, *([("", "acts")] if look.writable else [])]
    parts = [panel("Queues", table(head, rows, "There is no queue."), id="queues")]
    paused = sorted(cluster.paused_tasks)
    if paused or look.writable:
        parts.append(_paused_tasks(look, paused))
    return layout(look, "Queues", *parts)


def queue_table(look: Look, queues: Sequence[QueueInfo]) -> Markup:
    """Queues as a part of a page, without what can be done."""
    return table(HEAD, [_row(look, queue) for queue in queues], "There is no queue.")


def _row(look: Look, queue: QueueInfo, *, acts: bool = False) -> Markup:
    dead = h("a", number(queue.dead), href=link("dead", queue=queue.name)) if queue.dead else "0"
    marks = [tag("paused", "warn") if queue.paused else None,
             tag(f"limit {queue.limit}", "busy") if queue.limit else None,
             tag(f"{number(queue.parked)} put aside", "off") if queue.parked else None]  # fmt: skip
    name = h("a", queue.name, href=link("tasks", queue=queue.name), class_="name")
    serving = tag("no worker", "bad") if queue.ready and not queue.workers else None
    cells: list[tuple[Child, str]] = [
        (name, "main"),
        (number(queue.ready), "number strong" if queue.ready else "number"),
        (number(queue.running), "number"),
        (number(queue.delayed), "number"),
        (duration(queue.age) if queue.ready else "", "number"),
        (rate(queue.rate), "number"),
        (dead, "number bad" if queue.dead else "number"),
        (number(len(queue.workers)), "number wide"),
        ([*marks, serving], "wide"),
    ]
    if acts and look.writable:
        cells.append((_acts(look, queue), "acts"))
    return row(cells, id=f"queue-{queue.name}")


def _acts(look: Look, queue: QueueInfo) -> list[Markup]:
    name = queue.name
    verb = "resume" if queue.paused else "pause"
    field = h(
        "input", name="limit", type="number", min=1, step=1, placeholder="no limit",
        value=queue.limit, aria_label=f"How many of {name} may run at once",
    )  # fmt: skip
    return [
        button(look, verb, verb.title(), queue=name),
        form(look, "limit", field, h("button", "Limit", type="submit"), queue=name),
    ]


def _paused_tasks(look: Look, paused: Sequence[str]) -> Markup:
    rows = [
        row([(name, "main"), (button(look, "resume-task", "Resume", task=name), "acts")])
        for name in paused
    ]
    known = [
        h("option", value=name) for name in look.cluster.state.task_types() if name not in paused
    ]
    more = None
    if look.writable:
        field = h("input", name="task", required=True, list="names", placeholder="proj.tasks.send",
                  aria_label="The task's name", autocomplete="off")  # fmt: skip
        names = h("datalist", known, id="names")
        more = form(look, "pause-task", field, names, h("button", "Pause", type="submit"))
    listed = table([("Task", ""), ("", "acts")], rows, "No task is paused.")
    return panel("Paused tasks", listed, aside=more, id="paused")
