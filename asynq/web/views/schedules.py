"""Schedules: which tasks are called at which times, and when next."""

from __future__ import annotations

from collections.abc import Sequence

from asynq.periodic.schedules import ScheduleInfo
from asynq.web.markup import Child, Markup, h, link
from asynq.web.telling import ago, number, until
from asynq.web.views.layout import layout
from asynq.web.views.parts import Look, button, named, panel, row, table, tag

HEAD = (
    ("Schedule", ""), ("Task", "wide"), ("When", ""), ("Zone", "wide"), ("Next", "number"),
    ("Last", "number wide"), ("Runs", "number wide"),
)  # fmt: skip
NONE = "There is none. Those that code declares are known when a beat has started."


def schedules(look: Look, found: Sequence[ScheduleInfo]) -> Markup:
    """The page.

    Args:
        look: Who looks.
        found: What `app.schedules.list()` gives.
    """
    head = [*HEAD, *([("", "acts")] if look.writable else [])]
    listed = table(head, [_row(look, each) for each in found], NONE)
    return layout(look, "Schedules", panel("Schedules", listed, id="schedules"))


def _row(look: Look, info: ScheduleInfo) -> Markup:
    marks = [
        tag("paused", "warn") if info.paused else None,
        tag("added", "busy", "At run time; no code declares it") if info.origin != "code" else None,
    ]
    called = None
    if look.shows_arguments and (info.args or info.kwargs):
        called = h("small", h("code", f"{info.args} {info.kwargs}"))
    last = None if info.last is None else ago(info.last.timestamp(), look.now)
    if last is not None and info.last_id:
        last = h("a", last, href=link("task", id=info.last_id))
    cells: list[tuple[Child, str]] = [
        ([h("b", info.name, class_="name"), *[(" ", mark) for mark in marks if mark]], "main"),
        ([h("a", named(info.task), href=link("tasks", name=info.task)), called], "wide two"),
        (h("code", info.schedule), ""),
        (info.tz, "wide"),
        (until(info.next.timestamp() if info.next else None, look.now), "number"),
        (last, "number wide"),
        (number(info.count), "number wide"),
    ]
    if look.writable:
        verb = "resume" if info.paused else "pause"
        cells.append(
            (
                [
                    button(look, f"{verb}-schedule", verb.title(), name=info.name),
                    button(look, "run-schedule", "Run now", name=info.name),
                ],
                "acts",
            )
        )
    return row(cells, id=f"schedule-{info.name}")
