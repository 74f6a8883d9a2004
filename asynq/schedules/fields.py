"""The five fields of a crontab: from what a person writes to the numbers it means.

A field is a number, a text, or an iterable of these. A text is numbers, ``*``, ranges ``a-b`` and
steps ``*/n`` and ``a-b/n``, with commas between them. A range may go over the end: ``fri-mon``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from msgspec import Struct

Written: TypeAlias = int | str | Iterable[int | str]

_PART: Final = re.compile(r"(?:(?P<star>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")


class Field(Struct, frozen=True):
    """One of the five."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    """What the numbers from `low` on are called, by their first three letters."""

    def read(self, written: object) -> frozenset[int]:
        """The numbers that are meant.

        Raises:
            TypeError: it is no number, text or iterable of these.
            ValueError: it can't be read, or is out of range.
        """
        if isinstance(written, str):
            parts = [part.strip() for part in written.split(",")]
            return frozenset(number for part in parts for number in self._part(part, written))
        if isinstance(written, bool):
            raise self._wrong_type(written)
        if isinstance(written, int):
            return frozenset((self._within(written, written),))
        if not isinstance(written, Iterable):
            raise self._wrong_type(written)
        items: list[Any] = [*written]
        if not items:
            raise ValueError(f"crontab: {self.name}: expected at least one number, got {written!r}")
        return frozenset(number for item in items for number in self._item(item, written))

    def text(self, written: Any) -> str:
        """It as a text that means the same."""
        if isinstance(written, str):
            return ",".join(part.strip() for part in written.split(","))
        return str(written) if isinstance(written, int) else ",".join(map(str, _sorted(written)))

    def _item(self, item: object, written: object) -> frozenset[int]:
        if not isinstance(item, int | str):
            raise self._wrong_type(written)
        return self.read(item)

    def _part(self, part: str, written: str) -> list[int]:
        found = _PART.fullmatch(part)
        if not found:
            raise self._unreadable(part, written)
        star, first, last, step = found.groups()
        if step is not None and (int(step) == 0 or (not star and last is None)):
            raise self._unreadable(part, written)
        if star:
            numbers = [*range(self.low, self.high + 1)]
        else:
            begin = self._within(self._number(first, written), written)
            end = begin if last is None else self._within(self._number(last, written), written)
            if begin <= end:
                numbers = [*range(begin, end + 1)]
            else:
                numbers = [*range(begin, self.high + 1), *range(self.low, end + 1)]
        return numbers[:: int(step or 1)]

    def _number(self, word: str, written: str) -> int:
        if word.isascii() and word.isdigit():
            return int(word)
        short = word[:3].lower()
        if short not in self.words:
            raise self._unreadable(word, written)
        return self.low + self.words.index(short)

    def _within(self, number: int, written: object) -> int:
        if not self.low <= number <= self.high:
            hint = "; Sunday is 0" if self.name == "day_of_week" and number == 7 else ""
            raise ValueError(
                f"crontab: {self.name}: {number} is out of range, expected {self.low} to "
                f"{self.high}{hint}, got {written!r}"
            )
        return number

    def _unreadable(self, part: str, written: str) -> ValueError:
        names = f", {self.words[0]} to {self.words[-1]}" if self.words else ""
        return ValueError(
            f"crontab: {self.name}: {part!r} in {written!r} can't be read: expected *, a number "
            f"from {self.low} to {self.high}{names}, a range a-b, or steps */n and a-b/n, with "
            "commas between them"
        )

    def _wrong_type(self, written: object) -> TypeError:
        return TypeError(
            f"crontab: {self.name}: expected a number, a text like '*/15', or an iterable of "
            f"these, got {written!r} ({type(written).__name__})"
        )


def _sorted(written: Iterable[Any]) -> list[Any]:
    """A set has no order of its own."""
    items = [*written]
    return sorted(items) if all(isinstance(each, int) for each in items) else items


_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)

MINUTE: Final = Field("minute", 0, 59)
HOUR: Final = Field("hour", 0, 23)
DAY_OF_WEEK: Final = Field("day_of_week", 0, 6, _DAYS)
DAY_OF_MONTH: Final = Field("day_of_month", 1, 31)
MONTH_OF_YEAR: Final = Field("month_of_year", 1, 12, _MONTHS)
