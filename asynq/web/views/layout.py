"""The frame of every page."""

from __future__ import annotations

from typing import Final

from asynq._version import __version__
from asynq.web.assets import SCRIPT, STYLE, SYMBOL
from asynq.web.guard import FIELD
from asynq.web.markup import Child, Markup, h
from asynq.web.telling import number
from asynq.web.views.parts import Look

PAGES: Final[tuple[tuple[str, str], ...]] = (
    ("", "Overview"),
    ("tasks", "Tasks"),
    ("queues", "Queues"),
    ("workers", "Workers"),
    ("dead", "Dead letters"),
    ("workflows", "Workflows"),
    ("schedules", "Schedules"),
)

SILENT: Final = (
    "No worker tells events, so tasks can't be seen here. Start workers with -E, or set "
    "worker_send_task_events = True. Queues and dead letters are shown all the same."
)


def layout(look: Look, title: str, *children: Child) -> Markup:
    """A page.

    Args:
        look: Who looks.
        title: For the browser.
        *children: What is in it.
    """
    header = h(
        "header",
        h("a", "Skip to content", href="#main", class_="skip"),
        h("a", h("img", src=SYMBOL, alt="", width=20, height=20), h("b", "asynq"),
          h("span", look.name, class_="app"), href="./", class_="brand"),
        h("nav", _entries(look), aria_label="Pages"),
        h("div", _status(look), _log_out(look), class_="status"),
        class_="bar",
    )  # fmt: skip
    main = h("main", _notices(look), *children, id="main", tabindex=-1)
    return page(title, look.name, header, main, _footer(look), live=True)


def page(title: str, name: str, *body: Child, live: bool = False) -> Markup:
    """A whole document."""
    head = h(
        "head",
        h("meta", charset="utf-8"),
        h("title", f"{title} · {name}"),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("meta", name="color-scheme", content="light dark"),
        h("meta", name="robots", content="noindex, nofollow"),
        h("link", rel="icon", href=SYMBOL, type="image/svg+xml"),
        h("link", rel="stylesheet", href=STYLE),
        h("script", src=SCRIPT, defer=True),
    )
    return Markup(f"<!doctype html>{h('html', head, h('body', *body, data_live=live), lang='en')}")


def login(look: Look, wrong: bool) -> Markup:
    """Where the token is asked for."""
    asked = h(
        "form",
        h("h1", "asynq"),
        h("p", "This page asks for the token that it was started with."),
        h("p", "That was not it.", class_="wrong", role="alert") if wrong else None,
        h("input", type="hidden", name=FIELD, value=look.form_token),
        h("label", "Token", for_="token"),
        h("input", type="password", name="token", id="token", autocomplete="current-password",
          required=True, autofocus=True),
        h("button", "Log in", type="submit", class_="primary"),
        method="post", action="login", class_="panel login",
    )  # fmt: skip
    return page("Log in", look.name, h("main", asked, id="main"))


def problem(look: Look, title: str, why: str) -> Markup:
    """A page that says why there is none."""
    said = h("section", h("h1", title), h("p", why), class_="panel problem")
    return layout(look, title, said)


def _entries(look: Look) -> list[Markup]:
    return [_entry(look, path, label) for path, label in PAGES]


def _entry(look: Look, path: str, label: str) -> Markup:
    current = "page" if look.page == path else None
    dead = sum(queue.dead for queue in look.cluster.queues) if path == "dead" else 0
    count = h("span", number(dead), class_="count") if dead else None
    return h("a", label, count, href=path or "./", aria_current=current)


def _status(look: Look) -> Markup:
    return h(
        "button", h("span", class_="dot"), h("span", "Live", class_="word"),
        type="button", id="live", hidden=True, aria_pressed="true",
        title="Pause and go on",
    )  # fmt: skip


def _log_out(look: Look) -> Markup | None:
    if not look.may_log_out:
        return None
    token = h("input", type="hidden", name=FIELD, value=look.form_token)
    return h("form", token, h("button", "Log out", type="submit", class_="quiet"),
             method="post", action="logout", class_="action")  # fmt: skip


def _notices(look: Look) -> list[Markup]:
    cluster = look.cluster
    notices = []
    if look.told:
        notices.append(h("p", look.told, class_="notice good", role="status"))
    if cluster.problem is not None:
        said = f"The server can't be reached: {cluster.problem}"
        notices.append(h("p", said, class_="notice bad", role="alert"))
    elif not cluster.loaded.is_set():
        notices.append(h("p", "Reading the history …", class_="notice", role="status"))
    elif not cluster.events_are_told:
        notices.append(h("p", SILENT, class_="notice warn"))
    return notices


def _footer(look: Look) -> Markup:
    kept = number(len(look.cluster.state.tasks))
    mode = "Actions are on." if look.writable else "Read-only."
    return h(
        "footer",
        h("span", f"asynq {__version__}"),
        h("span", f"{kept} tasks in the history", id="kept"),
        h("span", mode),
    )
