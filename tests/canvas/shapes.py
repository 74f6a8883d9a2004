"""Canvases at random, as plain data: what they are, and the strategy that makes them.

A shape is built into a canvas by `tests.canvas.building`, and evaluated in plain Python by
`tests.canvas.meaning`; neither knows the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from hypothesis import strategies as st

How = Literal["say", "say_in_thread", "fail", "replace"]


@dataclass(kw_only=True)
class Shape:
    """A part of a canvas."""

    errbacks: list[Errback] = field(default_factory=list)


@dataclass(kw_only=True)
class Call(Shape):
    """One call."""

    how: How = "say"
    name: str = ""
    args: tuple[int, ...] = ()
    kwargs: dict[str, int] = field(default_factory=dict)
    immutable: bool = False
    links: list[Shape] = field(default_factory=list)
    replacement: Shape | None = None


@dataclass(kw_only=True)
class Repeated(Shape):
    """A `map` or a `starmap`, of which one item may fail."""

    star: bool = False
    items: int = 0
    fails_at: int = -1
    name: str = ""


@dataclass(kw_only=True)
class Chain(Shape):
    """One after the other; made by `|` or by `chain`."""

    parts: list[Shape]
    piped: bool = False


@dataclass(kw_only=True)
class Group(Shape):
    """At the same time; `chunked`: it is made by `chunks`."""

    members: list[Shape]
    errors: Literal["fail", "collect", "ignore"] = "fail"
    least: int = 0
    chunked: int = 0


@dataclass(kw_only=True)
class Chord(Shape):
    """A header and a body."""

    header: Group
    body: Shape


@dataclass(kw_only=True)
class Errback:
    """What is called with a failure: with the id, with three arguments, or with nothing of it."""

    style: Literal["id", "three", "nothing"] = "id"
    args: tuple[int, ...] = ()
    name: str = ""
    then: Call | None = None


Part = Shape | Errback


def parts_of(part: Part) -> Iterator[Part]:
    """A part, and all that is in it, in the order in which it stands."""
    yield part
    inner: list[Part] = []
    if isinstance(part, Errback):
        inner += [] if part.then is None else [part.then]
    elif isinstance(part, Call):
        inner += [*part.links, *([] if part.replacement is None else [part.replacement])]
    elif isinstance(part, Chain):
        inner += part.parts
    elif isinstance(part, Group):
        inner += part.members
    elif isinstance(part, Chord):
        inner += [part.header, part.body]
    if isinstance(part, Shape):
        inner += part.errbacks
    for each in inner:
        yield from parts_of(each)


def named(shape: Shape) -> Shape:
    """The shape, all calls of which have a name of their own."""
    for number, part in enumerate(parts_of(shape)):
        if isinstance(part, Call | Repeated | Errback):
            part.name = f"{type(part).__name__[0].lower()}{number}"
    return shape


def is_nothing(shape: Shape) -> bool:
    """It is an empty group."""
    return isinstance(shape, Group) and not shape.members


# The strategy

NUMBERS = st.integers(0, 9)
MOST = 24
"""Calls in a canvas; what comes after that many is as simple as it can be."""


class _Making:
    """Draws one canvas, and counts how large it becomes."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.calls = 0

    def often(self, of: int) -> bool:
        """True once in so many times; shrinks to False."""
        return self.calls < MOST and self.draw(st.integers(0, of - 1)) == of - 1

    def shape(self, depth: int, *, last: bool = True) -> Shape:
        """Anything; `last`: it is a part by which a canvas may end."""
        kinds = ["call", "call", "repeated"]
        if depth > 0 and self.calls < MOST:
            kinds += ["chain", "group", "chord", "chain", "group", "chord"]
        match self.draw(st.sampled_from(kinds)):
            case "call":
                return self.call(depth)
            case "repeated":
                return self.repeated()
            case "chain":
                return self.chain(depth - 1)
            case "group":
                return self.group(depth - 1, body=not last)
            case _:
                return self.chord(depth - 1)

    def call(self, depth: int) -> Call:
        self.calls += 1
        how: list[How] = ["say", "say", "say", "say", "say_in_thread", "fail"]
        if depth > 0 and self.calls < MOST:
            how.append("replace")
        made = Call(
            how=self.draw(st.sampled_from(how)),
            args=tuple(self.draw(st.lists(NUMBERS, max_size=2))),
            kwargs={"more": self.draw(NUMBERS)} if self.often(5) else {},
            immutable=self.often(5),
        )
        if made.how == "replace":
            made.replacement = self.shape(depth - 1)
        while depth > 0 and len(made.links) < 2 and self.often(6):
            made.links.append(self.linked(depth - 1))
        made.errbacks = self.errbacks(4)
        return made

    def linked(self, depth: int) -> Shape:
        if depth > 0 and self.often(3):
            return self.chain(depth - 1)
        return self.call(depth)

    def repeated(self) -> Repeated:
        self.calls += 1
        items = self.draw(st.integers(0, 3))
        fails_at = self.draw(st.integers(-4, items - 1))
        return Repeated(star=self.often(2), items=items, fails_at=fails_at)

    def chain(self, depth: int) -> Chain:
        count = self.draw(st.integers(1, 4))
        parts = [self.shape(depth, last=place == count - 1) for place in range(count)]
        if self.often(8):
            parts.insert(self.draw(st.integers(1, len(parts))), Group(members=[]))
        return Chain(parts=parts, piped=self.often(2), errbacks=self.errbacks(4))

    def group(self, depth: int, *, body: bool) -> Group:
        if self.often(10):
            count = self.draw(st.integers(1, 3))
            members: list[Shape] = [self.repeated() for _ in range(count)]
            for member in members:
                assert isinstance(member, Repeated)
                member.star, member.items = True, 2
            return Group(members=members, chunked=2)
        count = self.draw(st.integers(1, 3))
        members = [self.member(depth) for _ in range(count)]
        made = Group(members=members, errbacks=self.errbacks(4))
        if self.often(3):
            made.errors = self.draw(st.sampled_from(["collect", "ignore"]))
            if body and self.often(3):
                made.least = self.draw(st.integers(1, count))
        return made

    def member(self, depth: int) -> Shape:
        """A group only if it is one member: others are taken apart."""
        made = self.shape(depth)
        if isinstance(made, Group) and made.errors == "fail" and not made.errbacks:
            return Chain(parts=[made, self.call(0)])
        return made

    def chord(self, depth: int) -> Chord:
        header = Group(members=[]) if self.often(10) else self.group(depth, body=True)
        return Chord(header=header, body=self.shape(depth), errbacks=self.errbacks(4))

    def errbacks(self, of: int) -> list[Errback]:
        made: list[Errback] = []
        while len(made) < 2 and self.often(of):
            made.append(
                Errback(
                    style=self.draw(st.sampled_from(["id", "three", "nothing"])),
                    args=tuple(self.draw(st.lists(NUMBERS, max_size=1))),
                    then=self.call(0) if self.often(4) else None,
                )
            )
        return made


@st.composite
def shapes(draw: st.DrawFn) -> tuple[Shape, tuple[int, ...], dict[str, int]]:
    """A canvas of up to five levels, and what it is called with."""
    making = _Making(draw)
    shape = named(making.shape(draw(st.integers(0, 5))))
    args = tuple(draw(st.lists(NUMBERS, max_size=2)))
    kwargs = {"more": draw(NUMBERS)} if making.often(5) else {}
    return shape, args, kwargs
