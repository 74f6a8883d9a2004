"""Workflows: those that are kept, and one of them drawn."""

from __future__ import annotations

from collections.abc import Sequence

from asynq.result.graph import Graph
from asynq.web.markup import Markup, h, link
from asynq.web.telling import ago, idle, number, short
from asynq.web.views.drawn import drawn
from asynq.web.views.layout import layout
from asynq.web.views.parts import (
    Look,
    asking,
    badge,
    form,
    in_order,
    meter,
    mood,
    panel,
    row,
    table,
    tag,
)  # fmt: skip
from asynq.workflows import WorkflowInfo

HEAD = (("", ""), ("Workflow", ""), ("Id", "wide"), ("Tasks", "number"), ("Idle", "number wide"),
        ("Began", "number"))  # fmt: skip


def workflows(look: Look, found: Sequence[WorkflowInfo], limit: int) -> Markup:
    """The page of all."""
    rows = [_row(look, each) for each in found]
    aside = f"the youngest {number(limit)}" if len(found) >= limit else None
    listed = table(HEAD, rows, "No workflow is kept.")
    return layout(look, "Workflows", panel("Workflows", listed, aside=aside, id="workflows"))


def _row(look: Look, info: WorkflowInfo) -> Markup:
    return row(
        [
            (_state(info.over), ""),
            (h("a", info.picture, href=link("workflow", id=info.id), class_="name"), "main"),
            (h("span", short(info.id), class_="id", title=info.id), "wide"),
            ("?" if info.tasks is None else number(info.tasks), "number"),
            ("" if info.over else idle(info.idle), "number wide"),
            (ago(info.began.timestamp(), look.now), "number"),
        ],
        id=f"workflow-{info.id}",
    )


def workflow(look: Look, graph: Graph) -> Markup:
    """The page of one."""
    id = graph.workflow or ""
    counts = graph.counts()
    states = in_order(counts)
    bar = meter([(mood(each), counts[each]) for each in states], "Tasks by state")
    told = [h("span", badge(each), h("b", number(counts[each]))) for each in states]
    cancel = None
    if look.writable and not graph.over:
        cancel = asking(
            "Cancel …",
            h("p", "Every task of it that is not over is revoked, and ended where it runs."),
            form(look, "cancel", h("button", "Cancel it", type="submit", class_="bad"), id=id),
        )
    head = h(
        "div",
        h("h1", graph.picture, " ", _state(graph.over)),
        h("p", id, class_="id whole"),
        h("div", cancel, class_="acts"),
        class_="head",
    )
    began = ago(graph.began.timestamp() if graph.began else None, look.now)
    still = idle(graph.idle) if not graph.over else ""
    inside = h("div", bar, h("div", told, class_="states"), class_="inside")
    return layout(
        look,
        "Workflow",
        head,
        panel(
            "Its tasks",
            inside,
            drawn(graph),
            aside=[began, f"idle for {still}" if still else None],
            id="workflow",
        ),
    )


def _state(over: str) -> Markup:
    return badge(over) if over else tag("GOES ON", "busy")
