"""The line at the top, with the views and what happens now; and what must be known below it."""

from __future__ import annotations

from typing import Final

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static

from asynq._printable import printable
from asynq._secrets import hide_password
from asynq._time import monotonic, time
from asynq.monitor.cluster import Cluster
from asynq.monitor.screen.look import DIM, STRONG, rate

VIEWS: Final = {"overview": "Overview", "tasks": "Tasks", "workers": "Workers", "queues": "Queues"}
"""The views, in their order."""
QUIET: Final = 5.0
"""Seconds without an answer from the server, after which that is said."""


class Turn(Message):
    """Another view shall be shown."""

    def __init__(self, view: str) -> None:
        super().__init__()
        self.view = view


class Place(Static):
    """The name of a view, to be clicked."""

    def __init__(self, view: str, number: int) -> None:
        super().__init__(Text(f" {number} {VIEWS[view]} "), id=f"place-{view}", classes="place")
        self.view = view

    def on_click(self, event: events.Click) -> None:
        """Go there."""
        event.stop()
        self.post_message(Turn(self.view))


class Top(Horizontal):
    """The line at the top."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(id="top")
        self.cluster = cluster

    def compose(self) -> ComposeResult:
        """The app, the views, what happens now."""
        yield Static(Text(f" {printable(self.cluster.app.main or 'asynq', 20)} "), id="app-name")
        for number, view in enumerate(VIEWS, 1):
            yield Place(view, number)
        yield Static(id="now")

    def renew(self, view: str) -> None:
        """Show what has come in."""
        for place in self.query(Place):
            place.set_class(place.view == view, "chosen")
        state = self.cluster.state
        alive = len({*self.cluster.alive, *(each.hostname for each in state.alive_workers())})
        lately = state.rates.summary(5, time() - 1)
        told = Text(no_wrap=True)
        told.append(f"{alive:,} worker{'' if alive == 1 else 's'} ", DIM)
        told.append(f" {rate(lately.per_second)}/s ", STRONG if lately.per_second else DIM)
        self.query_one("#now", Static).update(told)


class Banner(Static):
    """What is wrong, in a line; not there while nothing is."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(id="banner")
        self.cluster = cluster

    def renew(self) -> None:
        """Show what has come in."""
        words, wrong = self._words()
        self.display = bool(words)
        self.set_class(wrong, "wrong")
        self.update(Text(words, no_wrap=True, overflow="ellipsis"))

    def _words(self) -> tuple[str, bool]:
        cluster = self.cluster
        quiet = monotonic() - cluster.answered
        if cluster.problem is not None or quiet > QUIET:
            why = printable(hide_password(cluster.problem or f"no answer for {quiet:.0f} s"), 300)
            return f" The server is away, trying again: {why}", True
        if not cluster.loaded.is_set():
            return " Reading what was told so far…", False
        if cluster.alive and not cluster.events_are_told:
            how = "press E, or start them with -E"
            return f" No worker tells events, so no task is seen: {how}.", False
        return "", False
