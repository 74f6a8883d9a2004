"""Small windows: a question, a text to type, something to choose, the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from asynq._printable import printable
from asynq.monitor.screen.keys import GROUPS
from asynq.monitor.screen.look import BUSY, DIM, STATES, STRONG

WIDEST: Final = 70


class Choice(NamedTuple):
    """One answer to a question."""

    key: str
    label: str
    value: str


class Ask(ModalScreen[str | None]):
    """A question, answered with a key, or with arrows and Enter. None: Esc, nothing is to be done.

    Args:
        title: The question.
        about: What it is about; of others, so it is shown as it is.
        choices: The answers. At first the last is chosen: let it be the harmless one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "No"),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, about: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title, self._about, self._choices = title, about, choices

    def compose(self) -> ComposeResult:
        """The question and its answers."""
        with Vertical(classes="window") as window:
            window.border_title = self._title
            yield Static(Text(_lines(self._about)), classes="about")
            with Horizontal(classes="answers"):
                for choice in self._choices:
                    label = Text.assemble((choice.key, f"bold {BUSY}"), f" {choice.label}")
                    yield Button(label, id=f"answer-{choice.value}", compact=True)

    def on_mount(self) -> None:
        """Nothing is done by somebody who presses Enter without reading."""
        self.query(Button).last().focus()

    def on_key(self, event: events.Key) -> None:
        """An answer by its letter."""
        for choice in self._choices:
            if event.key == choice.key:
                event.stop()
                self.dismiss(choice.value or None)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss((event.button.id or "").removeprefix("answer-") or None)


class Type(ModalScreen[str | None]):
    """A text to type; None: Esc.

    Args:
        title: What is to be typed.
        about: What is said about it.
        text: What stands there at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(self, title: str, about: str, text: str = "") -> None:
        super().__init__()
        self._title, self._about, self._text = title, about, text

    def compose(self) -> ComposeResult:
        """What it is about, and where to type."""
        with Vertical(classes="window") as window:
            window.border_title = self._title
            yield Static(Text(_lines(self._about)), classes="about")
            yield Input(self._text, compact=True)
            yield Static(Text("Enter: do it   Esc: leave it", DIM), classes="hint")

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())


class Choose(ModalScreen["tuple[str | None] | None"]):
    """Something to choose from, with how many there are of each.

    Gives a tuple with what was chosen, None in it for all; or None: Esc.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Cancel"),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]

    def __init__(self, title: str, counts: Mapping[str, int], now: str | None) -> None:
        super().__init__()
        self._title, self._now = title, now
        self._values: list[str | None] = [None, *counts]
        self._counts = counts

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(classes="window choose") as window:
            window.border_title = self._title
            yield OptionList(*map(self._option, self._values), compact=True, markup=False)

    def on_mount(self) -> None:
        """Begin at what is chosen now."""
        options = self.query_one(OptionList)
        options.highlighted = self._values.index(self._now) if self._now in self._values else 0

    def _option(self, value: str | None) -> Option:
        number = sum(self._counts.values()) if value is None else self._counts[value]
        word = "All" if value is None else printable(value, WIDEST)
        style = STRONG if value is None else STATES.get(value, "")
        return Option(Text.assemble((f"{number:>9,}  ", DIM), (word, style), no_wrap=True))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss((self._values[event.option_index],))

    def action_down(self) -> None:
        """The next one."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """The one before."""
        self.query_one(OptionList).action_cursor_up()


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss(None)", "Back"),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
    ]

    def compose(self) -> ComposeResult:
        """All of them."""
        told = Text(no_wrap=True)
        for group, keys in GROUPS.items():
            told.append(f"{group}\n", STRONG)
            for key in keys:
                told.append(f"  {key.shown:<12}", f"bold {BUSY}")
                told.append(f"{key.about}\n")
            told.append("\n")
        told.append(
            "A click chooses a row, a second one opens it; what stands below can be clicked."
        )
        with VerticalScroll(classes="window help") as window:
            window.border_title = "Keys"
            window.border_subtitle = "Esc: back"
            yield Static(told)

    def action_scroll(self, lines: int) -> None:
        """So many lines down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _lines(text: str) -> str:
    return "\n".join(printable(line, 400) for line in text.splitlines())
