"""The workflows that are measured, built by the same lines from either system's words.

Each kind has one or two sizes. Values go from step to step, so that the value at the end tells
whether all of it has run. Imported under every system's interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KINDS = ("chain", "group", "chord", "nested", "chords")
"""A chain; a group; a chord; a chord of chords; a chain of chords."""


def tasks(kind: str, sizes: tuple[int, ...]) -> int:
    """How many tasks there are in one."""
    first, inner = sizes[0], sizes[-1]
    return {
        "chain": first,
        "group": first,
        "chord": first + 1,
        "nested": first * (inner + 1) + 1,
        "chords": first * (inner + 1),
    }[kind]


def expected(kind: str, sizes: tuple[int, ...]) -> Any:
    """The value at the end."""
    first, inner = sizes[0], sizes[-1]
    return {
        "chain": 1,
        "group": [1] * first if kind == "group" else None,
        "chord": first,
        "nested": first * inner,
        "chords": inner**first if kind == "chords" else None,
    }[kind]


@dataclass(frozen=True)
class Words:
    """A system's words.

    Args:
        chain: As in both systems.
        group: As in both.
        chord: As in both.
        step: A task that gives its one number back.
        total: A task that adds numbers up.
    """

    chain: Callable[..., Any]
    group: Callable[..., Any]
    chord: Callable[..., Any]
    step: Any
    total: Any

    def build(self, kind: str, sizes: tuple[int, ...]) -> Any:
        """One of them, to be called."""
        first, inner = sizes[0], sizes[-1]
        if kind == "chain":
            return self.chain(self.step.s(1), *[self.step.s() for _ in range(first - 1)])
        if kind == "group":
            return self.group([self.step.s(1) for _ in range(first)])
        if kind == "chord":
            return self._chord(first, 1)
        if kind == "nested":
            return self.chord([self._chord(inner, 1) for _ in range(first)], self.total.s())
        assert kind == "chords"
        return self.chain(self._chord(inner, 1), *[self._chord(inner) for _ in range(first - 1)])

    def _chord(self, size: int, *args: int) -> Any:
        return self.chord([self.step.s(*args) for _ in range(size)], self.total.s())
