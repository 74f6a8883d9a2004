"""A table that draws only what is seen: of 100,000 rows no more than the lines of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from asynq.monitor.screen.keys import LIST, bindings
from asynq.monitor.screen.look import DIM, Cell, fit

GAP = 2
"""Cells between two columns."""


class Column(NamedTuple):
    """A column of a table."""

    title: str
    width: int
    """Cells; where it grows, the fewest."""
    grows: int = 0
    """Its share of what is left of the line."""
    right: bool = False
    """Numbers stand at the right."""
    end: bool = False
    """Where a text is too long, its end is shown."""
    wide: int = 0
    """It is shown in tables that have so many cells."""
    below: int = 1 << 30
    """And not in those that have so many."""


class Table(ScrollView, can_focus=True):
    """Rows, of which one is chosen. Subclasses say how many there are, and what is in each."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(LIST)
    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--head", "table--cursor", "table--row"}
    COLUMNS: ClassVar[Sequence[Column]] = ()
    EMPTY: ClassVar[str] = "Nothing yet."

    class Opened(Message):
        """A row was opened."""

        def __init__(self, table: Table, index: int) -> None:
            super().__init__()
            self.table = table
            self.index = index

    class Moved(Message):
        """Another row was chosen, or others are seen."""

        def __init__(self, table: Table) -> None:
            super().__init__()
            self.table = table

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cursor = 0
        self.empty = self.EMPTY
        self._widths: tuple[int, list[tuple[int, Column, int]]] = (-1, [])

    # What subclasses say

    def count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def row(self, index: int) -> Sequence[Cell]:
        """The cells of a row, one for each column."""
        raise NotImplementedError

    # What it does

    def reload(self) -> None:
        """What is in it may have changed."""
        count = self.count()
        self.cursor = max(0, min(self.cursor, count - 1))
        # The head is a line of its own, which stays where it is.
        size = Size(self.size.width, count + 1)
        if self.virtual_size != size:
            self.virtual_size = size
        self.refresh()

    def go(self, index: int) -> None:
        """Choose that row, and see it."""
        self.cursor = max(0, min(index, self.count() - 1))
        top, rows = self.scroll_offset.y, max(1, self.size.height - 1)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + rows:
            self.scroll_to(y=self.cursor - rows + 1, animate=False, immediate=True)
        self.refresh()
        self.post_message(self.Moved(self))

    @property
    def at_top(self) -> bool:
        """The first row is chosen, and seen."""
        return self.cursor == 0 and self.scroll_offset.y == 0

    @property
    def last_seen(self) -> int:
        """The number of the last row that the screen has room for."""
        return max(self.cursor, self.scroll_offset.y + self.size.height)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        if y == 0:
            style = self.get_component_rich_style("table--head")
            return self._strip([(column.title, "") for column in self.COLUMNS], width, style)
        index = self.scroll_offset.y + y - 1
        count = self.count()
        plain = self.get_component_rich_style("table--row")
        if index >= count:
            text = self.empty if not count and y == 2 else ""
            return Strip([Segment(fit(f" {text}", width), plain + Style.parse(DIM))], width)
        chosen = index == self.cursor
        style = self.get_component_rich_style("table--cursor") if chosen else plain
        mark = ">" if chosen else " "
        return self._strip(self.row(index), width, style, mark, colours=True)

    def _strip(
        self,
        cells: Sequence[Cell],
        width: int,
        style: Style,
        mark: str = " ",
        *,
        colours: bool = False,
    ) -> Strip:
        segments = [Segment(mark, style)]
        for place, column, cells_wide in self._columns(width):
            text, own = cells[place]
            shown = fit(text, cells_wide, right=column.right, end=column.end) + " " * GAP
            segments.append(Segment(shown, style + Style.parse(own) if own and colours else style))
        return Strip(segments).adjust_cell_length(width, style)

    def _columns(self, width: int) -> list[tuple[int, Column, int]]:
        """Place, column and cells of those that are shown in that width."""
        if self._widths[0] != width:
            shown = [
                (n, each) for n, each in enumerate(self.COLUMNS) if each.wide <= width < each.below
            ]
            left = width - 2 - sum(each.width + GAP for _, each in shown) + GAP
            shares = sum(each.grows for _, each in shown) or 1
            self._widths = (
                width,
                [
                    (n, each, each.width + max(0, left) * each.grows // shares)
                    for n, each in shown
                ],
            )  # fmt: skip
        return self._widths[1]

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Others are seen."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved(self))

    def on_resize(self) -> None:
        """The screen has another size."""
        self.reload()
        self.go(self.cursor)

    def on_click(self, event: events.Click) -> None:
        """Choose a row; open the chosen one."""
        index = self.scroll_offset.y + event.y - 1
        if event.y < 1 or index >= self.count():
            return
        if index == self.cursor:
            self.action_open()
        else:
            self.go(index)

    # Keys

    def action_open(self) -> None:
        """Open the chosen row."""
        if self.count():
            self.post_message(self.Opened(self, self.cursor))

    def action_move(self, by: int) -> None:
        """So many rows down."""
        self.go(self.cursor + by)

    def action_page(self, by: int) -> None:
        """So many pages down."""
        self.go(self.cursor + by * max(1, self.size.height - 2))

    def action_first(self) -> None:
        """To the first row."""
        self.go(0)

    def action_last(self) -> None:
        """To the last row."""
        self.go(self.count() - 1)
