"""Values of others as text, for logs and results: on one line, not long, never an error."""

from __future__ import annotations


def shown(value: object, most: int) -> str:
    """What it looks like, whatever its `__repr__` does.

    Args:
        most: Bytes of UTF-8 that the text may have.
    """
    try:
        text = " ".join(repr(value).splitlines())
    except Exception:
        return f"<{type(value).__name__} that can't be shown>"
    if text.isascii() and len(text) <= most:
        return text
    data = text.encode(errors="backslashreplace")
    if len(data) <= most:
        return data.decode()
    return data[: most - len(_MORE)].decode(errors="ignore") + "…"


_MORE = "…".encode()
