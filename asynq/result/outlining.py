"""The tree of a workflow, in the order in which it is drawn; nothing here asks or draws.

What is alike is one: members of a group that differ in nothing but their numbers stand in one
place, however many they are and however much is in each. So a picture is as large as the code that
made the workflow, and not as what it was made from. Trees may be deep, so nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from asynq._printable import printable
from asynq.wire.flow import Shape

Role = Literal["part", "link", "errback"]

WIDEST_PICTURE: Final = 60
"""Characters of a picture of one line."""


class Spot(Struct, frozen=True, eq=False):
    """A place in the picture, with all that stands there."""

    shapes: Sequence[Shape]
    """What stands there: alike in all but their numbers."""
    role: Role = "part"
    up: int = -1
    """The index of the spot that it is in; -1: of none."""
    last: bool = True
    """Nothing comes after it there."""

    @property
    def shape(self) -> Shape:
        """One of them."""
        return self.shapes[0]

    @property
    def count(self) -> int:
        """How many they are."""
        return sum(shape.many for shape in self.shapes)

    @property
    def numbers(self) -> Iterator[int]:
        """The numbers of all of them."""
        for shape in self.shapes:
            yield from range(shape.number, shape.number + shape.many)


def task_numbers(tree: Shape, *, errbacks: bool = False) -> Iterator[int]:
    """The numbers of the calls in a tree, in order; `errbacks`: of those made at a failure too."""
    waiting = [tree]
    while waiting:
        shape = waiting.pop()
        if shape.kind == "task":
            yield from range(shape.number, shape.number + shape.many)
        below = (*shape.parts, *shape.links, *(shape.errbacks if errbacks else ()))
        waiting += reversed(below)


def spots(tree: Shape, *, alike: bool = True) -> list[Spot]:
    """All places of a tree, each before what is in it.

    Args:
        tree: The tree.
        alike: What is alike stands in one place; else each stands for itself.
    """
    kinds = _kinds(tree) if alike else None
    found: list[Spot] = []
    waiting = [Spot([_folded(tree)])]
    while waiting:
        spot = waiting.pop()
        up = len(found)
        found.append(spot)
        below = [*_below(spot, kinds)]
        waiting += [
            Spot(shapes, role, up, last=not place)
            for place, (shapes, role) in enumerate(reversed(below))
        ]
    return found


def picture(tree: Shape, *, widest: int = WIDEST_PICTURE) -> str:
    """A tree on one line: ``add | group(mul × 10) | xsum``; what is too long for that is cut."""
    line, kinds = "", _kinds(tree)
    waiting: list[str | Sequence[Shape]] = [[tree]]
    while waiting and len(line) <= widest:
        item = waiting.pop()
        if isinstance(item, str):
            line += item
            continue
        shape = item[0]
        count = sum(each.many for each in item)
        if count > 1:
            waiting.append(f" × {count:,}")
        if shape.kind == "task":
            line += _last_word(shape.name)
            continue
        several = shape.kind == "group"
        opening = "group(" if several else "(" if line or count > 1 else ""
        line += opening
        if opening:
            waiting.append(")")
        runs = _runs(shape.parts, kinds) if several else [[part] for part in shape.parts]
        for place, run in enumerate(reversed(runs)):
            if place:
                waiting.append(", " if several else " | ")
            waiting.append(run)
    return line if len(line) <= widest else line[: widest - 1] + "…"


def _last_word(name: str) -> str:
    return printable(name.rpartition(".")[2] or name, WIDEST_PICTURE) or "task"


def _below(spot: Spot, kinds: dict[int, int] | None) -> Iterator[tuple[Sequence[Shape], Role]]:
    """What is in a spot; those that stand there have all the same."""
    shape = spot.shape
    if shape.kind == "group" and kinds is not None:
        place = 0
        for run in _runs(shape.parts, kinds):
            after = place + len(run)
            yield _all_folded([part for each in spot.shapes for part in each.parts[place:after]])
            place = after
    else:
        for part in zip(*(each.parts for each in spot.shapes), strict=True):
            yield _all_folded(part)
    for links in zip(*(each.links for each in spot.shapes), strict=True):
        yield _all_folded(links)[0], "link"
    for errbacks in zip(*(each.errbacks for each in spot.shapes), strict=True):
        yield _all_folded(errbacks)[0], "errback"


def _all_folded(shapes: Sequence[Shape]) -> tuple[Sequence[Shape], Role]:
    return [*map(_folded, shapes)], "part"


def _folded(shape: Shape) -> Shape:
    """A sequence in which groups, and what comes after them, are chords."""
    if shape.kind != "chain" or all(part.kind != "group" for part in shape.parts[:-1]):
        return shape
    parts: list[Shape] = []
    run: list[Shape] = []
    for place, part in enumerate(shape.parts, 1):
        run.append(part)
        if part.kind != "group" or place == len(shape.parts):
            parts.append(run[0] if len(run) == 1 else Shape(kind="chord", parts=tuple(run)))
            run = []
    if len(parts) == 1:
        return replace(shape, kind="chord", parts=parts[0].parts)
    return replace(shape, parts=tuple(parts))


def _runs(parts: Sequence[Shape], kinds: dict[int, int]) -> list[list[Shape]]:
    """Parts that follow each other and are alike."""
    return [[*run] for _, run in groupby(parts, lambda part: kinds[id(part)])]


def _kinds(tree: Shape) -> dict[int, int]:
    """For each shape, by its identity, a number that those alike share."""
    order, waiting = [], [tree]
    while waiting:
        shape = waiting.pop()
        order.append(shape)
        waiting += (*shape.parts, *shape.links, *shape.errbacks)
    known: dict[object, int] = {}
    kinds: dict[int, int] = {}
    for shape in reversed(order):
        below = [
            tuple(kinds[id(each)] for each in several)
            for several in (shape.parts, shape.links, shape.errbacks)
        ]
        # How many are in a task's place makes no difference there, and is told by its numbers; of
        # what else is alike each has as many.
        many = 1 if not (shape.parts or shape.links or shape.errbacks) else shape.many
        kinds[id(shape)] = known.setdefault((shape.kind, shape.name, many, *below), len(known))
    return kinds
