"""What is measured: which workflows, how large, how many of them at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.canvas.build import tasks

LENGTHS = (10, 20, 40, 80)
"""Steps of a chain."""
CHORDS = (1, 2, 3, 4, 5, 6, 7, 8)
"""Chords of a chain of them, each of ten tasks and a body."""
GROWING = 20
"""Chains of one length at once: as many of each, for what runs at once shares settlements."""
FEW = 1_000
"""The most parts of a workflow where commands are counted one by one."""


@dataclass(frozen=True)
class Shape:
    """Workflows of one kind and size.

    Args:
        title: what the tables call them.
        kind: see `benchmarks.canvas.build`.
        sizes: of one.
        count: how many of them in the full form.
        alone: one after the other, not all at once.
        family: of which growth it is a part, if any.
    """

    title: str
    kind: str
    sizes: tuple[int, ...]
    count: int
    alone: bool = False
    family: str = ""

    @property
    def tasks(self) -> int:
        """How many there are in one."""
        return tasks(self.kind, self.sizes)

    def fewer(self) -> Shape:
        """The same with less to do, where only what is counted matters."""
        sizes = tuple(min(size, FEW) for size in self.sizes)
        return replace(self, sizes=sizes, count=max(1, self.count // 4))

    @property
    def size(self) -> int:
        """What grows, where it is part of a growth."""
        return self.sizes[0]


MAIN = {
    "chains-10": Shape("Chains of 10 steps", "chain", (10,), 200),
    "chains-50": Shape("Chains of 50 steps", "chain", (50,), 40),
    "chain-10": Shape("A chain of 10 steps alone", "chain", (10,), 30, alone=True),
    "chain-50": Shape("A chain of 50 steps alone", "chain", (50,), 6, alone=True),
    "group": Shape("A group of 10,000", "group", (10_000,), 1),
    "chord": Shape("Chords of 1,000", "chord", (1_000,), 4),
    "nested": Shape("Chords of 10 chords of 10", "nested", (10, 10), 10),
    "chords": Shape("A chain of 5 chords of 10", "chords", (5, 10), 4, alone=True),
}

GROWTH = {
    **{
        f"length-{size}": Shape(
            f"Chains of {size} steps", "chain", (size,), GROWING, family="length"
        )
        for size in LENGTHS
    },
    **{
        f"chords-{size}": Shape(
            f"A chain of {size} chords of 10", "chords", (size, 10), 1, True, family="chords"
        )
        for size in CHORDS
    },
}

SHAPES = {**MAIN, **GROWTH}
