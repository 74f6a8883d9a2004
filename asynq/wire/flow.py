"""A call's place in a workflow, and what is stored of workflows beside their messages.

A workflow is what became of a canvas when it was sent: a tree of numbered nodes. *Steps* are calls,
a *sequence* runs one node after the other, a *parallel* runs its members at the same time. There is
nothing else: a chord is a sequence of a parallel and its body.

All that can be known beforehand is settled when it is sent, once. A message carries a `Flow`, which
says by numbers what its end does; so it does not grow with what follows. What it can't carry is its
input, which nobody has yet: the server appends it, unread, to the message that waits for it.
"""

from __future__ import annotations

from struct import Struct as Packing
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from asynq.exceptions import DecodeError
from asynq.wire.bounds import Count, Name

Span = tuple[Count, Count]
"""Steps whose numbers follow each other: the first and the last of them."""

Spans = tuple[Span, ...]

Place = Annotated[int, Meta(ge=0, lt=2**53)]
"""A place in a parallel."""

Errors = Literal["fail", "collect", "ignore"]
"""What a parallel makes of a member that fails: it fails too; the error stands among the values; or
the member is left out."""


class Flow(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "workflow": "w",
        "node": "n",
        "start": "s",
        "join": "j",
        "bare": "b",
        "last": "l",
        "up": "u",
        "end": "e",
        "errbacks": "x",
        "takes": "p",
        "values_of": "v",
        "needs": "m",
        "failed": "f",
        "outer": "o",
    },
):
    """The place of one step."""

    workflow: Name
    node: Count
    """Its number."""
    start: Spans = ()
    """What begins when it has succeeded, with its value."""
    join: tuple[Count, Place] | None = None
    """The parallel that its value belongs to, and the place there."""
    bare: bool = False
    """Nobody reads the values of that parallel: it only counts."""
    last: bool = False
    """The workflow is over when it has succeeded."""
    up: Count = 0
    """The sequence or parallel that it is part of; 0: none."""
    end: Count = 0
    """The number after its own links: those up to there never run where it fails."""
    errbacks: Spans = ()
    """What begins when it has failed."""
    takes: Name = ""
    """The task whose value comes before its own arguments."""
    values_of: Count = 0
    """The parallel whose values come before its own arguments, as a list."""
    needs: Count = 0
    """The parallel of which enough members must have succeeded, whose values it does not take."""
    failed: bool = False
    """It is an errback: what comes before its own arguments is another's failure."""
    outer: Flow | None = None
    """The place of the task that this workflow has replaced; it has that one's id."""

    def member(self) -> Flow | None:
        """The place where its value is one of a parallel's: this one, or one that it has taken;
        None: its value is not."""
        place: Flow | None = self
        while place is not None and place.join is None:
            place = place.outer
        return place

    def complete(self) -> Flow:
        """The same place, of a call that has all its arguments."""
        return replace(self, takes="", values_of=0, needs=0, failed=False)

    @property
    def wants_input(self) -> bool:
        """Its message is incomplete without what comes before it."""
        return bool(self.takes or self.failed)


class Branch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sequence or a parallel: what must be known of it when something in it fails."""

    up: Count = 0
    """What it is part of itself; 0: nothing."""
    end: Count = 0
    """The number after all that is in it."""
    errbacks: Spans = ()
    """What begins when it has failed."""
    join: tuple[Count, Place] | None = None
    """Where it is a member: of which parallel, and its place there."""
    parallel: bool = False
    size: Count = 0
    """Of a parallel: how many members it has."""
    errors: Errors = "fail"
    least: Count = 0
    """How many members must succeed, where errors are collected or ignored."""
    begin: Spans = ()
    """Of a parallel that is too large to begin at once: what begins."""
    body: Name = ""
    """Of a parallel, and a sequence that ends with one: the task that takes its values, or comes
    after it."""
    body_task: Name = ""
    """That task's name."""
    body_errbacks: Spans = ()
    """What begins where that task can't run, because the parallel has failed."""
    ends: tuple[Count, ...] = ()
    """The steps that its members end with, by whose ids their values are sealed; 0: the value is
    that of another parallel."""
    first_end: Count = 0
    """The first of these, where they are steps whose numbers follow each other."""
    ids: dict[int, str] = {}
    """Ids of those steps that the caller has chosen."""


class Outline(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow as a whole, for people, and for who cancels it."""

    count: Count
    """How many numbers there are, from 1 on."""
    began: float
    """When it was sent: Unix time, seconds."""
    tree: Shape
    ids: dict[int, str] = {}
    """Ids of steps that the caller has chosen; of all others the id follows from the number."""
    outer: Flow | None = None
    """The place of the task that it has replaced."""
    reply_to: Name | None = None
    """Where its results are announced, if anywhere."""


class Shape(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A node as it is drawn."""

    kind: Literal["task", "chain", "group", "chord"] = "task"
    number: Count = 0
    name: str = ""
    """Of a task."""
    many: Count = 1
    """So many of these, which differ in nothing but their numbers, which follow each other."""
    parts: tuple[Shape, ...] = ()
    links: tuple[Shape, ...] = ()
    errbacks: tuple[Shape, ...] = ()


_MARK: Final = b"\x03"
"""What the bytes of a message with an input begin with: no envelope does."""
_REFERENCE: Final = b"\x04"
"""What stands for a value that is a parallel's: its number follows."""
_LENGTH: Final = Packing(">I")
_HEAD: Final = 1 + _LENGTH.size


def with_input(body: bytes, input: bytes) -> bytes:
    """A message, and what it waited for. (Servers do the same.)"""
    return _MARK + _LENGTH.pack(len(body)) + body + input if input else body


def split_input(data: bytes) -> tuple[bytes, bytes]:
    """A message, and the input it came with, or nothing.

    Raises:
        DecodeError: it is cut short.
    """
    if data[:1] != _MARK:
        return data, b""
    if len(data) < _HEAD:
        raise DecodeError("a message with an input was cut short")
    end = _HEAD + _LENGTH.unpack_from(data, 1)[0]
    if len(data) <= end:
        raise DecodeError("a message with an input was cut short")
    return data[_HEAD:end], data[end:]


def referred(value: bytes) -> int:
    """The parallel whose values a value stands for; 0: it is a value itself."""
    number = value[1:]
    return int(number) if value[:1] == _REFERENCE and number.isdigit() else 0


def reference(number: int) -> bytes:
    """What stands for a parallel's values. (Servers do the same.)"""
    return _REFERENCE + str(number).encode()
