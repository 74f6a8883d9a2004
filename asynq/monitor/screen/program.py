"""The live screen itself: the views of one cluster, and the keys that act on it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import ContentSwitcher, Footer

from asynq._printable import printable
from asynq._secrets import hide_password
from asynq.events.seen import Task
from asynq.monitor.cluster import Cluster
from asynq.monitor.detail import Detail, look
from asynq.monitor.screen.acting import Actions
from asynq.monitor.screen.asking import Help
from asynq.monitor.screen.bars import VIEWS, Banner, Top, Turn
from asynq.monitor.screen.detail import DetailScreen
from asynq.monitor.screen.keys import EVERYWHERE, bindings
from asynq.monitor.screen.overview import Overview
from asynq.monitor.screen.queues import QueuesView
from asynq.monitor.screen.tasks import TasksView
from asynq.monitor.screen.view import OpenTask, OpenTasks, View
from asynq.monitor.screen.workers import WorkersView
from asynq.queues import QueueInfo

EVERY: Final = 0.25
"""Seconds between two drawings, however much comes in."""

THEME: Final = Theme(
    name="asynq",
    primary="#5fb3e8",
    secondary="#8a7fd1",
    accent="#e5b454",
    success="#7bc47f",
    warning="#e5b454",
    error="#f07178",
    foreground="#d3dae3",
    background="#11151b",
    surface="#171d25",
    panel="#222b37",
    dark=True,
)


class Monitor(App[None]):
    """The live screen of a cluster.

    Args:
        cluster: What is shown; followed while the screen runs.
    """

    CSS_PATH = Path(__file__).with_name("screen.tcss")
    TITLE = "asynq events"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = bindings(EVERYWHERE)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - declared so

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.cluster = cluster
        self.actions = Actions(cluster.app, self)
        self._views: dict[str, View] = {
            "overview": Overview(cluster, id="overview"),
            "tasks": TasksView(cluster, id="tasks"),
            "workers": WorkersView(cluster, id="workers"),
            "queues": QueuesView(cluster, id="queues"),
        }
        self._following: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._acting: set[asyncio.Task[None]] = set()
        self.failure: BaseException | None = None
        """What has ended it, other than somebody who leaves."""

    def compose(self) -> ComposeResult:
        """The top, the views, the keys."""
        yield Top(self.cluster)
        yield Banner(self.cluster)
        yield ContentSwitcher(*self._views.values(), initial="overview", id="views")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Follow the cluster, and draw a few times a second."""
        self.register_theme(THEME)
        self.theme = THEME.name
        self._following = asyncio.create_task(self.cluster.run(), name="asynq-monitor")
        self._following.add_done_callback(self._followed)
        self.set_interval(EVERY, self._beat)
        self._settling = asyncio.create_task(self._settle(), name="asynq-monitor-settle")
        self.action_view("overview")

    async def on_unmount(self) -> None:
        """Follow it no more."""
        running = [*self._acting, *filter(None, (self._following, self._settling))]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        gc.unfreeze()

    async def _settle(self) -> None:
        """What is known by now is not looked through for garbage any more: with 100,000 tasks that
        would stop everything for a tenth of a second, again and again."""
        await self.cluster.loaded.wait()
        gc.freeze()

    def _followed(self, following: asyncio.Task[None]) -> None:
        if not following.cancelled() and (error := following.exception()) is not None:
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            self.failure = error
            self.exit()

    def _beat(self) -> None:
        if not self.screen_stack:  # it is not there yet, or not any more
            return
        with suppress(NoMatches):  # it is being taken down, widget by widget
            self.renew()

    def renew(self) -> None:
        """Draw what has come in."""
        main = self.screen_stack[0]
        main.query_one(Top).renew(self.view)
        main.query_one(Banner).renew()
        overview = self._views["overview"]
        assert isinstance(overview, Overview)
        overview.sample()
        if self.screen is main:
            self._views[self.view].renew()

    # Where one is

    @property
    def view(self) -> str:
        """The name of the view that is shown."""
        return self.screen_stack[0].query_one("#views", ContentSwitcher).current or "overview"

    @property
    def subject(self) -> Task | QueueInfo | None:
        """What is chosen where one is."""
        screen = self.screen
        return (
            screen.subject if isinstance(screen, DetailScreen) else self._views[self.view].subject
        )

    @property
    def chosen(self) -> tuple[str, Task | None] | None:
        """The chosen task: its id, and what events tell of it."""
        if isinstance(self.screen, DetailScreen):
            return self.screen.task_id, self.screen.subject
        subject = self._views[self.view].subject
        return (subject.uuid, subject) if isinstance(subject, Task) else None

    async def look_at(self, id: str) -> Detail:
        """All there is about a task.

        Raises:
            OperationalError: the server can't be reached.
        """
        return await look(self.cluster.app, id, self.cluster.state.tasks.get(id))

    def action_view(self, name: str) -> None:
        """Show another view."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.query_one("#views", ContentSwitcher).current = name
        self._views[name].query("Table").first().focus()
        self.renew()

    def action_turn(self, by: int) -> None:
        """The next view, or the one before."""
        if len(self.screen_stack) == 1:
            names = list(VIEWS)
            self.action_view(names[(names.index(self.view) + by) % len(names)])

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(Help())

    @on(Turn)
    def _turned(self, turn: Turn) -> None:
        self.action_view(turn.view)

    @on(OpenTask)
    def _opens(self, wanted: OpenTask) -> None:
        self.push_screen(DetailScreen(self.cluster, wanted.id, self.look_at, wanted.begin))

    @on(OpenTasks)
    def _lists(self, wanted: OpenTasks) -> None:
        tasks = self._views["tasks"]
        assert isinstance(tasks, TasksView)
        self.action_view("tasks")
        tasks.ask(wanted.asked)

    # What the keys do to what is chosen

    def action_info(self) -> None:
        """Open the chosen task."""
        self._open("")

    def action_result(self) -> None:
        """Open it at its result."""
        self._open("result")

    def action_traceback(self) -> None:
        """Open it at its traceback."""
        self._open("traceback")

    def _open(self, section: str) -> None:
        if isinstance(self.screen, DetailScreen):
            self.screen.go_to(section or "call")
        elif self.chosen is not None:
            self.post_message(OpenTask(self.chosen[0], section))

    def action_revoke(self) -> None:
        """Revoke it."""
        if self.chosen is not None:
            self._act(self.actions.revoke(*self.chosen))

    def action_again(self) -> None:
        """Have it run again."""
        if self.chosen is not None:
            self._act(self.actions.again(*self.chosen))

    def action_pause(self) -> None:
        """Pause the queue, or the tasks of that name; or resume them."""
        subject = self.subject
        if isinstance(subject, QueueInfo):
            self._act(self.actions.pause_queue(subject))
        elif subject is not None and subject.name:
            paused = subject.name in self.cluster.paused_tasks
            self._act(self.actions.pause_task(subject.name, paused))

    def action_limit_queue(self) -> None:
        """Limit how many tasks of the queue run at once."""
        if isinstance(self.subject, QueueInfo):
            self._act(self.actions.limit_queue(self.subject))

    def action_rate_limit(self) -> None:
        """Limit the rate of the tasks of that name."""
        if isinstance(self.subject, Task) and self.subject.name:
            self._act(self.actions.rate_limit(self.subject.name))

    def action_enable_events(self) -> None:
        """Have all workers tell events."""
        self._act(self.actions.enable_events())

    def action_copy(self) -> None:
        """Copy the task's id, where the terminal can."""
        if self.chosen is not None:
            self.copy_to_clipboard(self.chosen[0])
            self.tell(f"Copied {self.chosen[0]}.")

    # For `Actions`

    async def ask(self, window: Screen[str | None]) -> str | None:
        """Show a window, and wait for its answer."""
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        def answered(given: str | None) -> None:
            if not answer.done():
                answer.set_result(given)

        self.push_screen(window, answered)
        return await answer

    def tell(self, words: str, *, wrong: bool = False) -> None:
        """Say what was done, or why it was not."""
        self.notify(
            printable(hide_password(words), 400),
            severity="error" if wrong else "information",
            timeout=8 if wrong else 4,
            markup=False,
        )

    def changed(self) -> None:
        """Look at the queues at once."""
        self.cluster.look()

    def _act(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="asynq-monitor-action")
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)
