"""What every canvas comes down to when it is called: calls, one after the other, or together.

A chord is a sequence of a parallel and its body; chains in chains, and groups in groups, are one.
Arguments and options of the caller have found their place here, and nothing is numbered yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asynq.application import Callee
from asynq.wire.flow import Errors, Spans


class Node:
    """A part of the tree.

    Attributes:
        errbacks: what is called when it has failed; once.
        number, end: its number, and the one after all that is in it; 0 as long as there is none.
        up: what it is part of.
        place: the place there.
        entries: the steps that begin where it begins.
    """

    __slots__ = ("end", "entries", "errbacks", "errbacks_at", "number", "place", "up")

    def __init__(self, errbacks: Sequence[Node]) -> None:
        self.errbacks = errbacks
        self.errbacks_at: Spans = ()
        self.number = self.end = self.place = 0
        self.up: Many | None = None
        self.entries: Spans = ()

    def first(self) -> Iterator[Leaf]:
        """The calls that it begins with."""
        raise NotImplementedError

    def last(self) -> Leaf | Parallel:
        """What its value is of."""
        raise NotImplementedError


class Leaf(Node):
    """One call.

    Attributes:
        fed: its input is there already, an empty list.
        source: what its input is of; None: it has none, or is an errback.
        needs: it runs only if enough members of this have succeeded, and takes none of its values.
        errback: it is called with a failure.
    """

    __slots__ = (
        "args", "callee", "errback", "fed", "immutable", "kwargs", "links", "needs", "options",
        "source",
    )  # fmt: skip

    def __init__(
        self,
        callee: Callee,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        immutable: bool = False,
        links: Sequence[Node] = (),
        errbacks: Sequence[Node] = (),
    ) -> None:
        super().__init__(errbacks)
        self.callee = callee
        self.args = args
        self.kwargs = kwargs
        self.options = options
        self.immutable = immutable
        self.links = links
        self.fed = self.errback = False
        self.source: Leaf | Parallel | None = None
        self.needs: Parallel | None = None

    def take_id(self, id: str) -> None:
        """Have this id."""
        self.options = {**self.options, "task_id": id}

    def first(self) -> Iterator[Leaf]:
        """Itself."""
        yield self

    def last(self) -> Leaf | Parallel:
        """Itself."""
        return self


class Many(Node):
    """A node made of nodes."""

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[Node], errbacks: Sequence[Node] = ()) -> None:
        super().__init__(errbacks)
        self.parts = parts


class Series(Many):
    """One after the other; never empty."""

    __slots__ = ()

    def first(self) -> Iterator[Leaf]:
        """Those of its first part."""
        return self.parts[0].first()

    def last(self) -> Leaf | Parallel:
        """That of its last part."""
        return self.parts[-1].last()


class Parallel(Many):
    """At the same time.

    Attributes:
        id: the group's, where the caller has chosen one.
        errors, least: what becomes of members that fail, see `asynq.canvas.group.Group`.
        read: its values are wanted.
        begin: the step that begins it, where it is too large to begin at once.
        begins: what that step begins.
    """

    __slots__ = ("begin", "begins", "errors", "id", "least", "read")

    def __init__(
        self,
        parts: Sequence[Node],
        errbacks: Sequence[Node] = (),
        *,
        id: str | None = None,
        errors: Errors = "fail",
        least: int = 0,
    ) -> None:
        super().__init__(parts, errbacks)
        self.id = id
        self.errors = errors
        self.least = least
        self.read = False
        self.begin = 0
        self.begins: Spans = ()

    def take_id(self, id: str) -> None:
        """Have this id."""
        self.id = id

    def first(self) -> Iterator[Leaf]:
        """Those of all its members."""
        for part in self.parts:
            yield from part.first()

    def last(self) -> Leaf | Parallel:
        """Itself."""
        return self


def one_after_the_other(parts: Sequence[Node], errbacks: Sequence[Node] = ()) -> Node:
    """A sequence, as flat as it can be; what comes after an empty group gets an empty list."""
    flat: list[Node] = []
    nothing: Parallel | None = None
    for part in parts:
        inner = part.parts if isinstance(part, Series) and not part.errbacks else (part,)
        for each in inner:
            if isinstance(each, Parallel) and not each.parts:
                nothing = each
                continue
            if nothing is not None:
                nothing = None
                _feed_nothing(each)
            flat.append(each)
    if not flat:
        return nothing or Parallel(())
    if len(flat) == 1 and not errbacks:
        return flat[0]
    return Series(flat, errbacks)


def _feed_nothing(node: Node) -> None:
    for leaf in node.first():
        if leaf.fed:  # by an empty group further in
            continue
        leaf.fed = True
        if not leaf.immutable:
            leaf.args = ([], *leaf.args)
