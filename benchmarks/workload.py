"""What a workload is: a function of a scene that gives figures, and what to show of those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.scene import Figures, Scene


@dataclass(frozen=True)
class Column:
    """One figure of a workload, as a table shows it."""

    key: str
    heading: str
    digits: int = 0
    more_is_better: bool = False


@dataclass(frozen=True)
class Workload:
    """One thing to measure.

    Args:
        title: the heading of its table.
        run: plays it, and gives its figures.
        columns: what to show; ratios and spread are those of the first.
        quick: is it part of the quick form?
        needs_results: only for systems that store results.
        only: the only systems that are asked; all of them where there is none.
    """

    title: str
    run: Callable[[Scene], Figures]
    columns: tuple[Column, ...]
    quick: bool = True
    needs_results: bool = False
    only: tuple[str, ...] = ()

    def column(self, key: str = "") -> Column:
        """The one of that figure; the first one where none is named.

        Raises:
            KeyError: no column shows that figure.
        """
        shown = {column.key: column for column in self.columns}
        return shown[key] if key else self.columns[0]
