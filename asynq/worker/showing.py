"""Values of others as text, for logs and results: on one line, not long, never an error."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

_MORE: Final = "…".encode()

_SHORT: Final = frozenset({type(None), bool, float})
"""Types of which every value looks short and plain."""
_SLICED: Final = frozenset({str, bytes, list, tuple})
_COUNTED: Final = frozenset({dict, set, frozenset})


def shown(value: object, most: int) -> str:
    """What it looks like, whatever its `__repr__` does.

    Args:
        most: Bytes of UTF-8 that the text may have.
    """
    if type(value) in _SHORT:
        return repr(value)
    try:
        text = repr(_beginning(value, most))
    except Exception:
        return f"<{type(value).__name__} that can't be shown>"
    if len(text) <= most and text.isascii() and text.isprintable():
        return text
    text = " ".join(text.splitlines())
    data = text.encode(errors="backslashreplace")
    if len(data) <= most:
        return data.decode()
    return data[: most - len(_MORE)].decode(errors="ignore") + "…"


def _beginning(value: Any, most: int) -> Any:
    """As much of something large as can be seen: the rest is not worth the time."""
    kind = type(value)
    if kind in _SLICED:
        return value[:most]
    if kind in _COUNTED and len(value) > most:
        return kind(islice(value.items() if kind is dict else value, most))
    return value
