"""What several pages are made of: panels, tables, badges, buttons, links to tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from asynq import states
from asynq.events.seen import IGNORED, RECEIVED, REJECTED, Task
from asynq.monitor import Cluster
from asynq.web.guard import BACK, FIELD
from asynq.web.markup import Child, Markup, h, link, text
from asynq.web.telling import short

ORDER: Final = (
    states.STARTED, RECEIVED, states.PENDING, states.RETRY, states.SUCCESS, states.FAILURE,
    REJECTED, states.REVOKED, IGNORED,
)  # fmt: skip
"""States, as they are listed."""
MOODS: Final = {
    states.SUCCESS: "good",
    states.FAILURE: "bad",
    REJECTED: "bad",
    states.RETRY: "warn",
    states.REVOKED: "off",
    IGNORED: "off",
    states.STARTED: "busy",
    RECEIVED: "wait",
    states.PENDING: "wait",
}
"""What a state looks like: a class."""


class Look(Struct, kw_only=True):
    """What every page knows: who looks, and at what."""

    name: str
    """Of the app."""
    cluster: Cluster
    now: float
    """Unix time, seconds."""
    page: str = ""
    """Which one it is."""
    here: str = ""
    """Its relative URL, to come back to."""
    form_token: str = ""
    writable: bool = False
    shows_arguments: bool = False
    may_log_out: bool = False
    told: str = ""
    """What was done a moment ago."""


def mood(state: str) -> str:
    """What a state looks like, one of somebody's own too."""
    return MOODS.get(state, "busy")


def badge(state: str, label: str | None = None) -> Markup:
    """A state."""
    return h("span", state if label is None else label, class_=f"badge {mood(state)}")


def tag(label: str, kind: str = "off", title: str | None = None) -> Markup:
    """A word in a frame."""
    return h("span", label, class_=f"badge {kind}", title=title)


def panel(title: Child, *children: Child, aside: Child = None, id: str | None = None) -> Markup:
    """A part of a page, with a title."""
    head = h("header", h("h2", title), h("div", aside, class_="aside") if aside else None)
    return h("section", head, *children, class_="panel", id=id)


def table(
    head: Sequence[tuple[str, str]], rows: Iterable[Markup], nothing: Child = "None."
) -> Markup:
    """A table, or what to say where it would be empty.

    Args:
        head: For each column its title, and the class of it.
        rows: Of `row`.
        nothing: What to say.
    """
    body = [*rows]
    if not body:
        return h("p", nothing, class_="nothing")
    titles = [h("th", title, class_=kind or None, scope="col") for title, kind in head]
    inside = h("table", h("thead", h("tr", titles)), h("tbody", body))
    return h("div", inside, class_="scroll", tabindex=0, role="region", aria_label="Table")


def row(cells: Iterable[tuple[Child, str]], id: str | None = None) -> Markup:
    """A row: for each column what is in it, and its class."""
    return h("tr", [h("td", cell, class_=kind or None) for cell, kind in cells], id=id)


def named(name: str) -> Markup:
    """A name, which may go on in the next line after a dot."""
    return Markup("<wbr>".join(text(part) for part in name.replace(".", ".\0").split("\0")))


def to_task(id: str, label: str | None = None) -> Markup:
    """A link to a task."""
    shown = short(id) if label is None else label
    return h("a", shown, href=link("task", id=id), class_="id", title=id)


def ran(task: Task) -> float | None:
    """Seconds that its last run took, also where it was no success; None: it has not ended."""
    ends = (task.failed, task.retried, task.rejected)
    ended = max((end for end in ends if end is not None), default=None)
    if task.runtime is not None or task.started is None or ended is None:
        return task.runtime
    return ended - task.started if ended >= task.started else None


def button(look: Look, action: str, label: str, *, kind: str = "", **fields: str) -> Markup:
    """A form of one button, which does something; nothing where nothing may be done."""
    if not look.writable:
        return Markup("")
    return form(look, action, h("button", label, type="submit", class_=kind or None), **fields)


def form(look: Look, action: str, *children: Child, **fields: str) -> Markup:
    """A form that does something, with what shows that it is ours."""
    hidden = {**fields, FIELD: look.form_token, BACK: look.here}
    inputs = [h("input", type="hidden", name=name, value=value) for name, value in hidden.items()]
    return h("form", inputs, *children, method="post", action=f"do/{action}", class_="action")


def asking(label: str, *children: Child) -> Markup:
    """What is done only after a second click; it works without a script."""
    return h("details", h("summary", label), h("div", *children, class_="asked"), class_="ask")


def facts(pairs: Iterable[tuple[str, Child]]) -> Markup:
    """Names and values; those that are not known are left out."""
    told = [(name, text(value)) for name, value in pairs]
    return h("dl", [(h("dt", name), h("dd", value)) for name, value in told if value])


def meter(parts: Sequence[tuple[str, int]], label: str) -> Markup:
    """A bar of several parts: for each what it looks like, and how much it is."""
    total = sum(count for _, count in parts)
    bars: list[Markup] = []
    begin = 0.0
    for kind, count in parts:
        if count:
            width = 100 * count / total
            bars.append(
                h("rect", x=f"{begin:.2f}", y=0, width=f"{width:.2f}", height=4, class_=f"f-{kind}")
            )
            begin += width
    return h(
        "svg", h("title", label), *bars,
        class_="meter", viewBox="0 0 100 4", preserveAspectRatio="none", role="img",
    )  # fmt: skip


def in_order(counts: Iterable[str]) -> list[str]:
    """States in the order in which they are listed, those of people's own last."""
    known = {state: place for place, state in enumerate(ORDER)}
    return sorted(counts, key=lambda state: (known.get(state, len(ORDER)), state))
