"""A graph of bars, one column a stretch of time, the newest at the right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from asynq.monitor.screen.look import DIM

BLOCKS: Final = " ▁▂▃▄▅▆▇█"
MINUTES: Final = 5
"""Minutes that a graph shows, at least."""
STRETCHES: Final = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)
"""Seconds that a column may stand for."""


def stretch(columns: int) -> int:
    """Seconds for a column, so that so many show those minutes."""
    wanted = MINUTES * 60 / max(1, columns)
    return next((each for each in STRETCHES if each >= wanted), STRETCHES[-1])


def times(columns: int, now: float) -> list[tuple[int, int]]:
    """For each column the second in which it begins, and how many seconds of it are over.

    Columns begin at times that do not depend on now: so a bar, once drawn, stays as it is.
    """
    seconds = stretch(columns)
    last = (int(now) - 1) // seconds * seconds
    return [
        (begin, min(seconds, int(now) - begin))
        for begin in range(last - (columns - 1) * seconds, last + 1, seconds)
    ]


class Graph(Widget):
    """Two values a column, the second of which is part of the first, in another colour.

    Args:
        colours: Of the part, and of what is beyond it.
    """

    def __init__(self, colours: tuple[str, str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._colours = colours
        self._bars: Sequence[tuple[float, float]] = ()

    def show(self, title: str, about: str, bars: Sequence[tuple[float, float]]) -> None:
        """Draw other values.

        Args:
            title: Of the graph.
            about: What stands below it.
            bars: For each column the whole, and the part.
        """
        self.border_title, self.border_subtitle = title, about
        self._bars = bars
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of it."""
        width, height = self.size
        base = self.rich_style
        bars = self._bars[-width:]
        top = max((whole for whole, _ in bars), default=0.0)
        part, rest = (base + Style.parse(colour) for colour in self._colours)
        looks = {"": base, "nothing": base + Style.parse(DIM), "part": part, "rest": rest,
                 "both": part + Style(bgcolor=rest.color)}  # fmt: skip
        level = height - 1 - y
        cells = [
            _cell(
                _eighths(whole, top, height) - level * 8,
                _eighths(inner, top, height) - level * 8,
                last=level == 0,
            )
            for whole, inner in bars
        ]
        segments = [Segment(" " * (width - len(bars)), base)]
        for look, several in groupby(cells, key=itemgetter(1)):
            segments.append(Segment("".join(sign for sign, _ in several), looks[look]))
        return Strip(segments, width)


def _eighths(value: float, top: float, height: int) -> int:
    """How high it is, in eighths of a line; what is not nothing is seen."""
    if not top or value <= 0:
        return 0
    return max(1, round(value / top * height * 8))


def _cell(whole: int, inner: int, *, last: bool) -> tuple[str, str]:
    """What stands in one cell, and how it looks; eighths are counted from its lower edge."""
    if whole <= 0:
        return ("·", "nothing") if last else (" ", "")
    if inner >= min(whole, 8):
        return BLOCKS[min(inner, 8)], "part"
    if inner <= 0:
        return BLOCKS[min(whole, 8)], "rest"
    if whole >= 8:  # the part ends in this line, and the rest goes on above it
        return BLOCKS[inner], "both"
    return BLOCKS[whole], "part"
