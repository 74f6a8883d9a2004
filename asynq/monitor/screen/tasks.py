"""The tasks: newest first, searched and filtered, in Celery's columns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Final

from msgspec.structs import replace
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from asynq._time import monotonic
from asynq.events.seen import Task
from asynq.monitor.cluster import Cluster
from asynq.monitor.screen.asking import Choose
from asynq.monitor.screen.keys import FILTERS, TASK, bindings
from asynq.monitor.screen.listing import ALL, Listing, Query
from asynq.monitor.screen.look import (
    DIM,
    ODD,
    PLAIN,
    STATES,
    STRONG,
    Cell,
    clock,
    fit,
    short_id,
    span,
    state_cell,
)
from asynq.monitor.screen.table import Column, Table
from asynq.monitor.screen.view import OpenTask, View

SLICE: Final = 0.008
"""Seconds that a search has before others run."""
AHEAD: Final = 200
"""Rows below the last seen that a search looks for."""

CALLS: Final = 96
FULL_ID: Final = 140
"""Cells of a table in which calls, and whole ids, are shown."""


class TaskTable(Table):
    """The table."""

    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("UUID", 13, below=FULL_ID),
        Column("UUID", 36, wide=FULL_ID),
        Column("TASK", 12, grows=2, end=True),
        Column("WORKER", 10, grows=1),
        Column("TIME", 8),
        Column("STATE", 8),
        Column("RUN TIME", 8, right=True),
        Column("CALLED WITH, AND WHAT CAME OF IT", 20, grows=4, wide=CALLS),
    )

    def __init__(self, listing: Listing, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.listing = listing
        self.wants_last = False
        """Go to the last, when it is found."""

    def count(self) -> int:
        """How many were found so far."""
        return len(self.listing.rows)

    def action_last(self) -> None:
        """To the last, which may have to be looked for."""
        self.wants_last = not self.listing.complete
        super().action_last()

    def row(self, index: int) -> Sequence[Cell]:
        """One task."""
        task = self.listing.rows[index]
        told = self.size.width >= CALLS
        return (
            (short_id(task.uuid, 13), DIM),
            (task.uuid, DIM),
            (task.name, STRONG),
            (task.worker or "", PLAIN),
            (clock(task.timestamp), DIM),
            state_cell(task.state),
            (span(task.runtime), PLAIN),
            (_told(task), DIM if task.exception is None else PLAIN) if told else ("", PLAIN),
        )


class TasksView(View):
    """The tasks of the cluster."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(FILTERS, TASK)

    def __init__(self, cluster: Cluster, *, id: str) -> None:
        super().__init__(id=id)
        self.cluster = cluster
        self.asked = Query()
        self.listing = Listing()
        self.table = TaskTable(self.listing, id="task-table")
        self._filling: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._seen = -1
        self._heard = 0

    def compose(self) -> ComposeResult:
        """The line with what is asked for, and the table."""
        with Horizontal(id="task-line"):
            yield Static(" / ", id="search-mark")
            yield Input(id="search", compact=True, select_on_focus=False)
            yield Static(id="task-filters")
            yield Static(id="task-count")
        yield self.table

    @property
    def subject(self) -> Task | None:
        """The chosen task."""
        rows = self.listing.rows
        return rows[self.table.cursor] if self.table.cursor < len(rows) else None

    def renew(self) -> None:
        """Show what has come in; while somebody reads further down, only what became of it."""
        state = self.cluster.state
        follows = self.table.at_top and state.event_count != self._seen
        if follows and (self._filling is None or self._filling.done()):
            self._begin()
        else:
            self._fill()
            self._draw()

    def ask(self, query: Query) -> None:
        """Show those."""
        self.asked = query
        search = self.query_one("#search", Input)
        if search.value != query.text:
            with search.prevent(Input.Changed):
                search.value = query.text
        self.table.go(0)
        self._begin()

    def _begin(self) -> None:
        self._seen = self.cluster.state.event_count
        self.listing.begin(self.cluster.state, self.asked)
        self._fill()
        self._draw()

    def _fill(self) -> None:
        """Look for what is wanted: a moment now, the rest in between."""
        last = ALL if self.table.wants_last else self.table.last_seen + AHEAD
        if not self.listing.want(last):
            self.table.wants_last = False
            return
        if not self.listing.fill(SLICE) and (self._filling is None or self._filling.done()):
            self._filling = asyncio.create_task(self._go_on(), name="asynq-monitor-search")

    async def _go_on(self) -> None:
        while not self.listing.fill(SLICE):
            await asyncio.sleep(0)
        self._draw()
        if self.table.wants_last:
            self.table.wants_last = False
            self.table.go(self.table.count() - 1)

    def on_unmount(self) -> None:
        """Look for nothing any more."""
        for task in filter(None, (self._filling, self._warming)):
            task.cancel()

    def _draw(self) -> None:
        query, searching = self.asked, self.query_one("#search", Input)
        mark = self.query_one("#search-mark", Static)
        mark.display = searching.display = bool(query.text) or searching.has_focus
        filters = Text(no_wrap=True)
        for word, value in (("state", query.state), ("name", query.name),
                            ("worker", query.worker), ("queue", query.queue)):  # fmt: skip
            if value is not None:
                filters.append(f" {word} ", DIM)
                filters.append(fit(value, min(len(value), 30)), STATES.get(value) or STRONG)
        if query.is_open and not mark.display:
            filters.append(" All tasks", STRONG)
        self.query_one("#task-filters", Static).update(filters)
        self.query_one("#task-count", Static).update(self._counted())
        self.table.empty = self._why_empty()
        self.table.reload()

    def _counted(self) -> Text:
        found, known = len(self.listing.rows), len(self.cluster.state.tasks)
        told = Text(no_wrap=True)
        if not self.asked.is_open:
            if self.listing.unfilled:
                told.append("searching… ", ODD)
            told.append(f"{found:,}{'' if self.listing.complete else '+'} of ", DIM)
        told.append(f"{known:,}", DIM)
        newer = self.cluster.state.task_count - self._heard
        if self.table.at_top:
            told.append("  newest ", DIM)
            self._heard = self.cluster.state.task_count
        else:
            told.append(f"  {newer:,} newer: g " if newer else "  g: newest ", ODD)
        return told

    def _why_empty(self) -> str:
        if self.asked.is_open:
            return "No task was told of yet."
        if self.listing.unfilled:
            return "Searching…"
        if self.asked.text:
            return "None matches. Enter asks the server for a task of that id."
        return "None matches. Esc shows all of them."

    # Searching

    def action_search(self) -> None:
        """Begin to type what is searched."""
        search = self.query_one("#search", Input)
        search.display = self.query_one("#search-mark", Static).display = True
        search.focus()
        if self._warming is None or self._warming.done():
            self._warming = asyncio.create_task(self._warm(), name="asynq-monitor-warm")

    async def _warm(self) -> None:
        """Look through all tasks for what none has: their texts are made before they are needed."""
        until = monotonic() + SLICE
        for _ in self.cluster.state.search(text="\x00"):
            if monotonic() >= until:
                await asyncio.sleep(0)
                until = monotonic() + SLICE

    @on(Input.Changed, "#search")
    def _typed(self, event: Input.Changed) -> None:
        self.ask(replace(self.asked, text=event.value))

    @on(Input.Submitted, "#search")
    def _submitted(self, event: Input.Submitted) -> None:
        self.table.focus()
        text = event.value.strip()
        if text and not self.listing.rows and self.listing.complete:
            self.post_message(OpenTask(text))

    def on_key(self, event: object) -> None:
        """From the search to the table with an arrow."""
        if getattr(event, "key", "") == "down" and self.query_one("#search", Input).has_focus:
            self.table.focus()

    def action_clear(self) -> None:
        """All tasks again."""
        self.table.focus()
        self.ask(Query())

    # Filters

    def action_filter_state(self) -> None:
        """Choose a state."""
        counts = self.cluster.state.count_by_state()
        self._choose("State", counts, self.asked.state, "state")

    def action_filter_name(self) -> None:
        """Choose a name."""
        counts = self.cluster.state.count_by_name()
        self._choose("Name", {name: counts[name] for name in counts if name}, self.asked.name,
                     "name")  # fmt: skip

    def _choose(self, title: str, counts: dict[str, int], now: str | None, field: str) -> None:
        def chosen(answer: tuple[str | None] | None) -> None:
            if answer is not None:
                self.ask(replace(self.asked, **{field: answer[0]}))

        self.app.push_screen(Choose(title, counts, now), chosen)

    @on(Table.Moved)
    def _moved(self) -> None:
        self._fill()
        self._draw()

    @on(Table.Opened)
    def _opened(self) -> None:
        if (task := self.subject) is not None:
            self.post_message(OpenTask(task.uuid))


def _told(task: Task) -> str:
    """The call, and what came of it, on a line."""
    args, kwargs = task.args or "", task.kwargs
    # What was cut where it is told has no end.
    called = args[1:-1].rstrip(",") if args.endswith((")", "]")) else args[1:]
    if kwargs not in (None, "{}"):
        called += f"{', ' if called else ''}{kwargs}"
    came = task.exception or task.result
    return f"({called})" + (f" → {came}" if came is not None and task.state != "STARTED" else "")
