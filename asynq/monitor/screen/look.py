"""How things are written on the screen: states, times, numbers, and texts of others.

A colour never says what no word says: without colours the screen tells as much.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich.cells import cell_len, set_cell_size

from asynq import states
from asynq._amounts import roughly
from asynq._printable import printable
from asynq.events import seen

PLAIN: Final = ""
DIM: Final = "#8893a2"
STRONG: Final = "bold #e8edf3"
GOOD: Final = "#7bc47f"
BUSY: Final = "#5fb3e8"
ODD: Final = "#e5b454"
BAD: Final = "bold #f07178"
GONE: Final = "#b39ddb"

STATES: Final = {
    states.SUCCESS: GOOD,
    states.FAILURE: BAD,
    states.STARTED: BUSY,
    states.RETRY: ODD,
    states.REVOKED: GONE,
    states.PENDING: DIM,
    seen.RECEIVED: PLAIN,
    seen.REJECTED: GONE,
    seen.IGNORED: DIM,
}
"""Their colours; a state of somebody's own has none."""

LONGEST: Final = 400
"""Characters of a text of others that one line looks at."""

Cell = tuple[str, str]
"""A text, and its style."""


def state_cell(state: str) -> Cell:
    """A state, in its colour."""
    return state, STATES.get(state, PLAIN)


def fit(text: str, width: int, *, right: bool = False, end: bool = False) -> str:
    """A text of anybody's in so many cells, never acting on the terminal.

    Args:
        text: The text.
        width: Cells.
        right: It stands at the right.
        end: Where it is longer, its end is what tells; else its beginning.
    """
    safe = printable(text, LONGEST)
    length = len(safe) if safe.isascii() else cell_len(safe)
    if length > width and end and length == len(safe) and width > 0:
        return "…" + safe[1 - width :] if width > 1 else "…"
    if length > width:
        return set_cell_size(safe, width - 1) + "…" if width > 0 else ""
    blanks = " " * (width - length)
    return blanks + safe if right else safe + blanks


def clock(timestamp: float) -> str:
    """The time of day, on this machine's clock; empty where there is none."""
    return f"{datetime.fromtimestamp(timestamp):%H:%M:%S}" if timestamp else ""


def moment(timestamp: float) -> str:
    """A Unix time, day and milliseconds included."""
    return datetime.fromtimestamp(timestamp).isoformat(" ", "milliseconds")


def span(seconds: float | None) -> str:
    """A length of time, in at most seven characters: 12 µs, 3.4 ms, 1.25 s, 3 min, 2 h."""
    if seconds is None:
        return ""
    if seconds < 0.0009995:
        return f"{seconds * 1_000_000:.0f} µs"
    if seconds < 0.9995:
        return f"{_three(seconds * 1000)} ms"
    return f"{_three(seconds)} s" if seconds < 120 else roughly(seconds)


def _three(number: float) -> str:
    """With three digits."""
    return f"{number:.{0 if number >= 99.95 else 1 if number >= 9.995 else 2}f}"


def rate(number: float) -> str:
    """A number a second: 0.4, 12, 1,234."""
    return f"{number:,.0f}" if number >= 10 or not number else f"{number:.1f}"


def short_id(id: str, width: int) -> str:
    """An id in so few cells that only its end is told: its beginning is a time."""
    return id if len(id) <= width else "…" + id[-(width - 1) :]
