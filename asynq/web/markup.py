"""Markup, made of functions; whatever is put in is escaped, unless it is markup already::

    h("a", task.name, href=link("task", id=task.uuid), class_="name")

A template language would be one more thing to install and to read, and its values are not seen by a
type checker. Here an attribute that could run something can't be written at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from typing import Final
from urllib.parse import urlencode

from asynq._printable import printable_lines


class Markup(str):
    """Text that is markup, and stays as it is."""

    __slots__ = ()


Child = str | int | None | Iterable["Child"]
"""What can stand in an element: text, markup, nothing, or several of these."""

Attribute = str | int | float | bool | None

VOID: Final = frozenset(
    {"input", "link", "meta", "br", "rect", "line", "path", "circle", "polyline"}
)
"""Elements that nothing can stand in."""
URLS: Final = frozenset({"href", "src", "action"})

EXACT: Final = URLS | {"value"}
"""Attributes that come back as they are."""

_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")
_RUNS: Final = re.compile(r"on|style$|srcdoc$|formaction$", re.IGNORECASE)
_SCHEME: Final = re.compile(r"[^/?#]*:|//|[\x00-\x20\\]")


def h(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """An element.

    Args:
        tag: Its name.
        *children: What is in it.
        **attributes: ``class_`` stands for ``class``, ``data_key`` for ``data-key``; True: it has
            no value; None and False: it is not there.

    Raises:
        ValueError: an attribute could run something, or leads elsewhere: a mistake in a view.
    """
    opening = f"<{tag}{''.join([_attribute(name, value) for name, value in attributes.items()])}>"
    if tag in VOID:
        return Markup(f"{opening[:-1]}/>")
    return Markup(f"{opening}{text(children)}</{tag}>")


def text(child: Child) -> Markup:
    """What can stand in an element, as markup."""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return Markup(escape(printable_lines(child)))
    if child is None:
        return Markup("")
    if isinstance(child, int):
        return Markup(child)
    return Markup("".join([text(each) for each in child]))


def link(path: str, /, **parameters: object) -> str:
    """A relative URL, which is right wherever the page is mounted.

    Args:
        path: A page's.
        **parameters: What is asked for; what is None or empty is left out.
    """
    given = {name: value for name, value in parameters.items() if value not in (None, "", False)}
    return f"{path or './'}?{urlencode(given, errors='replace')}" if given else path or "./"


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = _named(name)
    if value is True:
        return f" {name}"
    if name in URLS and _SCHEME.match(str(value)):
        raise ValueError(f"{name}={value!r}: expected a relative URL")
    shown = str(value) if name in EXACT else printable_lines(str(value))
    return f' {name}="{escape(shown)}"'


@cache
def _named(name: str) -> str:
    name = name.rstrip("_").replace("_", "-")
    if not _NAME.fullmatch(name) or _RUNS.match(name):
        raise ValueError(f"{name}: no attribute for a page in which nothing runs but its script")
    return name
