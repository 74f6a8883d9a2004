"""The keys, in one list: what is bound, what the footer and the help tell, what the docs list."""

from __future__ import annotations

from typing import Final, NamedTuple

from textual.binding import Binding, BindingType


class Key(NamedTuple):
    """A key, and what it does."""

    keys: str
    """Its names, as textual has them; the first is the one that is told in the footer."""
    action: str
    shown: str
    """How it is written."""
    about: str
    label: str = ""
    """In the footer; empty: it does not stand there."""
    priority: bool = False
    """Also while a text is being typed."""


EVERYWHERE: Final = (
    Key("1", "view('overview')", "1", "the overview"),
    Key("2", "view('tasks')", "2", "the tasks"),
    Key("3", "view('workers')", "3", "the workers"),
    Key("4", "view('queues')", "4", "the queues"),
    Key("tab", "turn(1)", "Tab", "the next of these", priority=True),
    Key("shift+tab", "turn(-1)", "Shift+Tab", "the one before", priority=True),
    Key("E", "enable_events", "E", "have all workers tell events"),
    Key("question_mark", "help", "?", "the keys", "Help"),
    Key("q", "quit", "q", "leave", "Quit"),
    Key("ctrl+c,ctrl+q", "quit", "Ctrl+C", "leave, also while typing", priority=True),
    Key("ctrl+z", "suspend_process", "Ctrl+Z", "leave it for a while; fg comes back"),
)
LIST: Final = (
    Key("enter", "open", "Enter", "open the task; the tasks of the worker, of the queue", "Open"),
    Key("j,down", "move(1)", "j, ↓", "down"),
    Key("k,up", "move(-1)", "k, ↑", "up"),
    Key("pagedown,space,ctrl+f", "page(1)", "PgDn, Space", "a page down"),
    Key("pageup,ctrl+b", "page(-1)", "PgUp", "a page up"),
    Key("g,home", "first", "g, Home", "to the first; of tasks the newest, which are followed"),
    Key("G,end", "last", "G, End", "to the last"),
)  # fmt: skip
FILTERS: Final = (
    Key("slash", "search", "/", "search: in ids, names, arguments, results, errors, workers",
        "Search"),
    Key("s", "filter_state", "s", "only those in one state", "State"),
    Key("n", "filter_name", "n", "only those of one name", "Name"),
    Key("escape", "clear", "Esc", "all of them again"),
)  # fmt: skip
TASK: Final = (
    Key("i", "app.info", "i", "info: the task with all there is, as Enter"),
    Key("r", "app.result", "r", "its result"),
    Key("t", "app.traceback", "t", "its traceback"),
    Key("c", "app.revoke", "c", "revoke it, and terminate it if you say so", "Revoke"),
    Key("a", "app.again", "a", "run it again; or now, if it waits for its time", "Again"),
    Key("p", "app.pause", "p", "pause all tasks of its name, or resume them", "Pause"),
    Key("l", "app.rate_limit", "l", "limit the rate of all tasks of its name"),
    Key("y", "app.copy", "y", "copy its id"),
)
QUEUE: Final = (
    Key("p", "app.pause", "p", "pause the queue, or resume it", "Pause/resume"),
    Key("l", "app.limit_queue", "l", "limit how many of it run at once", "Limit"),
)
DETAIL: Final = (
    Key("escape,q,left,backspace", "back", "Esc, q", "back", "Back"),
    Key("j,down", "scroll(1)", "j, ↓", "down"),
    Key("k,up", "scroll(-1)", "k, ↑", "up"),
    Key("pagedown,space,ctrl+f", "page(1)", "PgDn, Space", "a page down"),
    Key("pageup,ctrl+b", "page(-1)", "PgUp", "a page up"),
    Key("g,home", "top", "g, Home", "to the top"),
    Key("G,end", "bottom", "G, End", "to the end"),
)

GROUPS: Final = {
    "Everywhere": EVERYWHERE,
    "In lists": LIST,
    "Tasks": FILTERS,
    "A task": TASK,
    "A queue": QUEUE,
    "One task, opened": DETAIL,
}
"""All of them, as they are told."""


def bindings(*groups: tuple[Key, ...]) -> list[BindingType]:
    """What textual binds."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label or key.about,
            show=bool(key.label),
            key_display=key.shown.partition(",")[0],
            priority=key.priority,
        )
        for group in groups
        for key in group
    ]
