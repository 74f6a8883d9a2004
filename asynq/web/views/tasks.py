"""Tasks: the newest first, those that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from asynq.events.seen import Task
from asynq.web.markup import Child, Markup, h, link
from asynq.web.telling import ago, cut, duration, number
from asynq.web.views.layout import layout
from asynq.web.views.parts import Look, badge, in_order, named, panel, ran, row, table, to_task

PAGE: Final = 50
"""Tasks on one page."""
SHOWN: Final = 90
"""Characters of arguments that are shown in the list."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which tasks are asked for."""

    text: str | None = None
    state: str | None = None
    name: str | None = None
    worker: str | None = None
    queue: str | None = None
    offset: int = 0

    def link(self, offset: int) -> str:
        """The page that begins there."""
        return link(
            "tasks", text=self.text, state=self.state, name=self.name, worker=self.worker,
            queue=self.queue, offset=offset,
        )  # fmt: skip

    @property
    def is_filter(self) -> bool:
        """It does not stand for all tasks."""
        return any((self.text, self.state, self.name, self.worker, self.queue))


def tasks(look: Look, wanted: Wanted, found: Sequence[Task]) -> Markup:
    """The page.

    Args:
        look: Who looks.
        wanted: What was asked for.
        found: Those that are of it, from its offset on: one more than a page has, where there is.
    """
    shown = found[:PAGE]
    nothing = "No task is like that." if wanted.is_filter else "No task was heard of."
    listed = table(_head(look), [_row(look, task) for task in shown], nothing)
    return layout(
        look,
        "Tasks",
        _filter(look, wanted),
        panel("Tasks", listed, _paging(wanted, len(shown), more=len(found) > PAGE),
              aside=_range(wanted, len(shown)), id="tasks"),
    )  # fmt: skip


def _head(look: Look) -> list[tuple[str, str]]:
    return [
        ("State", ""), ("Task", ""), ("Id", "wide"),
        *([("Called with", "wide")] if look.shows_arguments else []),
        ("Queue", "wide"), ("Worker", "wide"), ("Retries", "number wide"), ("Ran", "number"),
        ("Last", "number"),
    ]  # fmt: skip


def _row(look: Look, task: Task) -> Markup:
    name = h("a", named(task.name or "?"), href=link("task", id=task.uuid), class_="name")
    error = task.exception if task.exception and not task.succeeded else None
    told = h("small", cut(error.partition("\n")[0], 140), class_="error") if error else None
    cells: list[tuple[Child, str]] = [(badge(task.state), ""), ([name, told], "main two")]
    cells.append((to_task(task.uuid), "wide"))
    if look.shows_arguments:
        cells.append((h("code", called(task)), "wide cut"))
    return row(
        [
            *cells,
            (task.queue, "wide"),
            (task.worker, "wide"),
            (number(task.retries) if task.retries else "", "number wide"),
            (duration(ran(task)), "number"),
            (ago(task.timestamp, look.now), "number"),
        ],
        id=f"task-{task.uuid}",
    )


def called(task: Task, longest: int = SHOWN) -> str:
    """What a task was called with, in short."""
    args = (task.args or "").strip("()[]").rstrip(",")
    kwargs = (task.kwargs or "").strip("{}")
    return cut(", ".join(filter(None, (args, kwargs))), longest)


def _filter(look: Look, wanted: Wanted) -> Markup:
    state = look.cluster.state
    searched = "id, name, error, worker" + (", arguments" if look.shows_arguments else "")
    queues = {queue.name for queue in look.cluster.queues} | {wanted.queue or ""}
    return h(
        "form",
        h("input", type="search", name="text", value=wanted.text, placeholder=f"Search: {searched}",
          aria_label=f"Search in {searched}"),
        _choice("state", "Any state", in_order({*state.count_by_state(), wanted.state or ""}),
                wanted.state),
        _choice("name", "Any task", sorted({*state.task_types(), wanted.name or ""}), wanted.name),
        _choice("queue", "Any queue", sorted(queues), wanted.queue),
        _choice("worker", "Any worker", sorted({*state.workers, wanted.worker or ""}),
                wanted.worker),
        h("button", "Show", type="submit", class_="primary"),
        h("a", "All", href="tasks", class_="quiet") if wanted.is_filter else None,
        method="get", action="tasks", class_="filter", role="search", id="filter",
    )  # fmt: skip


def _choice(name: str, every: str, values: Iterable[str], chosen: str | None) -> Markup:
    options = [
        h("option", value, value=value, selected=value == chosen) for value in values if value
    ]
    return h("select", h("option", every, value=""), options, name=name, aria_label=every)


def _range(wanted: Wanted, count: int) -> str | None:
    return f"{number(wanted.offset + 1)} to {number(wanted.offset + count)}" if count else None


def _paging(wanted: Wanted, count: int, *, more: bool) -> Markup | None:
    newer = older = None
    if wanted.offset:
        newer = h("a", "← Newer", href=wanted.link(max(0, wanted.offset - PAGE)), rel="prev")
    if more:
        older = h("a", "Older →", href=wanted.link(wanted.offset + count), rel="next")
    return (
        h("nav", newer, older, class_="paging", aria_label="Pages of tasks")
        if (newer or older)
        else None
    )
