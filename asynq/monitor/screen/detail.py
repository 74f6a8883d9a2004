"""One task, opened: all that is known of it, kept up to date while it is not over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from asynq.events.seen import Task
from asynq.exceptions import OperationalError
from asynq.monitor.cluster import Cluster
from asynq.monitor.detail import Detail
from asynq.monitor.screen.keys import DETAIL, TASK, bindings
from asynq.monitor.screen.look import DIM, ODD
from asynq.monitor.screen.telling import sections, title

Look = Callable[[str], Awaitable[Detail]]

EVERY: Final = 1.0
"""Seconds between two looks at it."""


class DetailScreen(Screen[None]):
    """All that is known of a task.

    Args:
        cluster: What events tell.
        id: The task's id.
        look: Asks all there is about a task, by its id.
        begin: The section to begin at: ``result``, ``traceback``; empty: at the top.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(DETAIL, TASK)

    def __init__(self, cluster: Cluster, id: str, look: Look, begin: str = "") -> None:
        super().__init__()
        self.cluster = cluster
        self._look = look
        self.task_id = id
        self.begin = begin
        self.detail: Detail | None = None
        self._shown: dict[str, tuple[str, Text]] = {}

    @property
    def subject(self) -> Task | None:
        """The task, as its events tell it."""
        return self.cluster.state.tasks.get(self.task_id)

    def compose(self) -> ComposeResult:
        """The title, the sections, the keys."""
        yield Static(id="detail-title")
        yield VerticalScroll(Static(Text("Asking…", DIM), id="asking"), id="sections")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Ask now, and then again and again."""
        self.run_worker(self._follow(), name="asynq-monitor-detail", exit_on_error=True)

    async def _follow(self) -> None:
        while True:
            began = self.cluster.state.event_count
            try:
                detail = await self._look(self.task_id)
            except OperationalError as error:
                self.query_one("#asking", Static).display = True
                self.query_one("#asking", Static).update(Text(str(error), ODD))
            else:
                await self._show(detail)
            await asyncio.sleep(EVERY)
            while self._is_settled() and self.cluster.state.event_count == began:
                await asyncio.sleep(EVERY)

    def _is_settled(self) -> bool:
        return self.detail is not None and self.detail.is_over

    async def _show(self, detail: Detail) -> None:
        first, self.detail = self.detail is None, detail
        self.query_one("#asking", Static).display = False
        self.query_one("#detail-title", Static).update(title(detail))
        told = {word: (heading, text) for word, heading, text in sections(detail)}
        if told == self._shown:
            return
        place = self.query_one("#sections", VerticalScroll)
        if told.keys() != self._shown.keys():
            await place.remove_children(".section")
            await place.mount_all(
                Static(text, id=f"section-{word}", classes="section")
                for word, (_, text) in told.items()
            )
        for word, (heading, text) in told.items():
            section = place.query_one(f"#section-{word}", Static)
            section.border_title = heading
            section.update(text)
        self._shown = told
        if first and self.begin:
            self.go_to(self.begin)

    def go_to(self, word: str) -> None:
        """See that section; where there is none, say so."""
        for section in self.query(f"#section-{word}"):
            self._sections.scroll_to_widget(section, top=True, animate=False)
            return
        self.app.notify(f"It has no {word}.", markup=False, timeout=3)

    def action_back(self) -> None:
        """Back to where it was opened."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """So many lines down."""
        self._sections.scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """So many pages down."""
        self._sections.scroll_relative(y=pages * (self._sections.size.height - 1), animate=False)

    def action_top(self) -> None:
        """To the top."""
        self._sections.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """To the end."""
        self._sections.scroll_end(animate=False)

    @property
    def _sections(self) -> VerticalScroll:
        return self.query_one("#sections", VerticalScroll)
