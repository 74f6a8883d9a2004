"""Texts of others, made safe to print: they can't act on a terminal, nor look like other lines."""

from __future__ import annotations

import re
from typing import Final

_ACTING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls (ANSI's escape is one), tab and line feed excepted
    "\u200e\u200f\u2028-\u202e\u2066-\u2069"  # other line ends, and what turns text around
    "\ud800-\udfff]"  # half characters, which no file can be written with
)
_ACTING_OR_BREAKING: Final = re.compile(_ACTING.pattern[:-1] + "\t\n]")


def printable(text: str, longest: int | None = None) -> str:
    """A text as one line: what could act on a terminal stands as ``\\u001b``.

    Args:
        text: What came from elsewhere: a task's name, an id, the text of an error.
        longest: Characters of it to show; None: all.
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    return text if text.isprintable() else _ACTING_OR_BREAKING.sub(_escaped, text)


def printable_lines(text: str, indent: str = "") -> str:
    """The same for a text of several lines, which stay, those after the first one indented."""
    if text.isprintable():
        return text
    return _ACTING.sub(_escaped, text).replace("\n", "\n" + indent)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
