"""Numbers, times and durations as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from asynq._amounts import roughly
from asynq.web.markup import Markup, h


def number(value: int) -> str:
    """``1234567`` as 1,234,567."""
    return f"{value:,}"


def rate(value: float | None) -> str:
    """How many a second; empty where that is not known."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def duration(seconds: float | None) -> str:
    """Roughly: 850 µs, 12 ms, 3.4 s, 5 min, 2 d; empty where it is not known."""
    if seconds is None:
        return ""
    if seconds >= 10:
        return roughly(seconds)
    if seconds >= 1:
        return f"{seconds:.1f} s"
    if seconds >= 0.01:
        return f"{seconds * 1000:.0f} ms"
    if seconds >= 0.001:
        return f"{seconds * 1000:.1f} ms"
    return f"{max(0.0, seconds) * 1_000_000:.0f} µs"


def idle(seconds: float | None) -> str:
    """How long nothing has happened; empty below a second, and where it is not known."""
    return duration(int(seconds)) if seconds is not None and seconds >= 1 else ""


def ago(timestamp: float | None, now: float) -> Markup:
    """How long ago a Unix time is, with the moment itself at hand; empty where it is not known."""
    seconds = now - (timestamp or 0.0)
    return _at(timestamp, "now" if seconds < 1 else f"{duration(_whole(seconds))} ago")


def until(timestamp: float | None, now: float) -> Markup:
    """How long it is until a Unix time, as `ago`."""
    seconds = (timestamp or 0.0) - now
    return _at(timestamp, "now" if seconds < 1 else f"in {duration(_whole(seconds))}")


def _whole(seconds: float) -> float:
    return seconds // 1


def _at(timestamp: float | None, told: str) -> Markup:
    if not timestamp:
        return Markup("")
    try:
        moment = datetime.fromtimestamp(timestamp, UTC)
    except (OverflowError, ValueError, OSError):  # an event can tell anything
        return Markup("")
    title = f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC"
    return h("time", told, datetime=moment.isoformat(), title=title)


def clock(timestamp: float | None) -> str:
    """A Unix time as a time of day in UTC."""
    if not timestamp:
        return ""
    try:
        return f"{datetime.fromtimestamp(timestamp, UTC):%H:%M:%S.%f}"[:-3]
    except (OverflowError, ValueError, OSError):
        return ""


def short(id: str) -> str:
    """The part of an id that differs: ids begin with the time."""
    return id if len(id) <= 13 else f"…{id[-8:]}"


def cut(text: str, longest: int) -> str:
    """A text that is no longer than that."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
