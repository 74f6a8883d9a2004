"""From a tree to a workflow: numbers, messages, and what the end of each step does.

Nodes are numbered in the order in which they stand, so that all that is in a node, and all that
comes after it, are numbers in a row. Ids are a block of their own (`asynq.wire.ids`): a step's id
follows from its number. Errbacks, and steps that are ours, have the numbers after all others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from asynq._time import time
from asynq.brokers.base import Join, Step
from asynq.canvas.notes import OUTLINE, branch_name, write
from asynq.canvas.own import BEGIN, own_message
from asynq.canvas.tree import Leaf, Many, Node, Parallel, Series
from asynq.kept import Kept
from asynq.producer import Producer
from asynq.request import current
from asynq.wire.flow import Branch, Flow, Outline, Shape, Span, Spans
from asynq.wire.ids import new_block, nth

AT_ONCE: Final = 50
"""Steps that begin in one settlement; more are begun by a step of our own, in slices."""
SLICE: Final = 200
"""Messages that are written before others get the event loop."""


class Plan:
    """A tree, numbered.

    Args:
        root: The tree.
        producer: Of its app.
        outer: The place of the task that it replaces; None: it replaces none.
        reply_to: Where that one's result is announced.

    Raises:
        ValueError: two calls have been given one id.
    """

    def __init__(
        self,
        root: Node,
        producer: Producer,
        *,
        outer: Flow | None = None,
        reply_to: str | None = None,
    ) -> None:
        self.root = root
        self.producer = producer
        self.outer = outer
        self._reply_to = reply_to
        self.leaves: list[Leaf] = []
        self.branches: list[Many] = []
        self.ids: dict[int, str] = {}
        self._chosen: set[str] = set()
        self._count = 0
        self._number_all(root)
        self.main = self._count
        """How many numbers there are without errbacks and steps of our own."""
        self._feed(root, None)
        self._number_errbacks()
        self._enter(root)
        self.id = new_block(self._count + 1)
        self.announced = {id(leaf) for leaf in _ends(root)}
        self.calls: dict[int, Kept] = {}
        """The calls by number, once they are prepared."""

    def id_of(self, node: Node | int) -> str:
        """The id of a step, or of a group."""
        number = node if isinstance(node, int) else node.number
        return self.ids.get(number) or nth(self.id, number)

    # Numbers

    def _number_all(self, root: Node) -> None:
        self._number(root, None, 0)

    def _number(self, node: Node, up: Many | None, place: int) -> None:
        self._count += 1
        node.number, node.up, node.place = self._count, up, place
        if isinstance(node, Leaf):
            self.leaves.append(node)
            if chosen := node.options.get("task_id"):
                self._choose(node.number, str(chosen))
            for link in node.links:
                self._number(link, None, 0)
        elif isinstance(node, Many):
            self.branches.append(node)
            if isinstance(node, Parallel) and node.id:
                self._choose(node.number, str(node.id))
            for place, part in enumerate(node.parts):
                self._number(part, node, place)
        node.end = self._count + 1

    def _choose(self, number: int, id: str) -> None:
        if id in self._chosen:
            raise ValueError(f"task_id: {id!r} is said of two calls of one workflow, or two groups")
        self._chosen.add(id)
        self.ids[number] = id

    def _number_errbacks(self) -> None:
        waiting: deque[Node] = deque([*self.leaves, *self.branches])
        while waiting:
            node = waiting.popleft()
            known = len(self.leaves), len(self.branches)
            for errback in node.errbacks:
                self._number(errback, None, 0)
                self._feed(errback, None)
                for leaf in errback.first():
                    leaf.errback = True
            waiting += [*self.leaves[known[0] :], *self.branches[known[1] :]]
        for node in (*self.leaves, *self.branches):
            for errback in node.errbacks:
                self._enter(errback)
            node.errbacks_at = _spans(each.entries for each in node.errbacks)

    def _enter(self, node: Node) -> None:
        """Settle what begins where a node begins, for it and all that is in it."""
        if isinstance(node, Leaf):
            for link in node.links:
                self._enter(link)
            node.entries = ((node.number, node.number),)
            return
        assert isinstance(node, Many)
        for part in node.parts:
            self._enter(part)
        if isinstance(node, Series):
            node.entries = node.parts[0].entries
            return
        assert isinstance(node, Parallel)
        node.entries = _spans(part.entries for part in node.parts)
        if sum(last - first + 1 for first, last in node.entries) > AT_ONCE:
            self._count += 1
            node.begin = self._count
            node.begins = node.entries
            node.entries = ((node.begin, node.begin),)

    # What comes from where, and what follows

    def _feed(self, node: Node, source: Leaf | Parallel | None) -> None:
        if isinstance(node, Leaf):
            if not node.immutable and not node.fed:
                node.source = source
                _read(source)
            elif isinstance(source, Parallel) and source.least:
                node.needs = source
                _read(source)
            for link in node.links:
                self._feed(link, node)
        elif isinstance(node, Series):
            for part in node.parts:
                self._feed(part, source)
                source = part.last()
        elif isinstance(node, Parallel):
            for part in node.parts:
                self._feed(part, source)

    def follow(self, node: Node) -> tuple[Spans, tuple[int, int] | None, bool]:
        """What the success of a node does: what begins, which place is filled, is all over?"""
        up = node.up
        while isinstance(up, Series):
            if node.place + 1 < len(up.parts):
                return up.parts[node.place + 1].entries, None, False
            node, up = up, up.up
        if up is not None:
            return (), (up.number, node.place), False
        return (), None, node is self.root

    def _flow(self, leaf: Leaf) -> Flow:
        start, join, last = self.follow(leaf)
        links = _spans(link.entries for link in leaf.links)
        source = leaf.source
        up = leaf.up
        joined = up
        while isinstance(joined, Series):
            joined = joined.up
        return Flow(
            workflow=self.id,
            node=leaf.number,
            start=(*links, *start),
            join=join,
            bare=join is not None and isinstance(joined, Parallel) and not joined.read,
            last=last,
            up=0 if up is None else up.number,
            end=leaf.end if leaf.end > leaf.number + 1 else 0,
            errbacks=leaf.errbacks_at,
            takes=self.id_of(source) if isinstance(source, Leaf) else "",
            values_of=source.number if isinstance(source, Parallel) else 0,
            needs=0 if leaf.needs is None else leaf.needs.number,
            failed=leaf.errback and not leaf.immutable,
            outer=self.outer if last else None,
        )

    # Messages

    async def prepare(self) -> None:
        """Prepare all calls: their arguments are checked and written, and nothing is sent."""
        try:
            await self._prepare()
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        """Nothing will be sent, which nobody has forgotten."""
        for call in self.calls.values():
            call.close()

    async def _prepare(self) -> None:
        request = current.get()
        root = None if request is None else request.root_id or request.id
        above = None if request is None else request.id or request.parent_id
        first = self.id_of(next(self.root.first(), self.root))
        for count, leaf in enumerate(self.leaves, 1):
            source = leaf.source
            options = {
                **leaf.options,
                "task_id": self.id_of(leaf),
                "root_id": leaf.options.get("root_id") or root or first,
                "parent_id": leaf.options.get("parent_id") or self._parent(leaf) or above,
            }
            takes = None if leaf.errback and not leaf.immutable else int(source is not None)
            self.calls[leaf.number] = leaf.callee.prepare(
                leaf.args, leaf.kwargs, options, takes=takes
            )
            if not count % SLICE:
                await asyncio.sleep(0)

    def _address(self, leaf: Leaf) -> str | None:
        return self._reply_to if id(leaf) in self.announced else None

    async def steps(self, *, waiting: bool) -> dict[int, Step]:
        """All steps, by number, as a broker keeps them."""
        if waiting or self._reply_to is None:
            backend = self.producer.connections.backend()
            self._reply_to = backend.reply_address(waiting=waiting)
        steps: dict[int, Step] = {}
        for count, leaf in enumerate(self.leaves, 1):
            flow, call = self._flow(leaf), self.calls[leaf.number]
            try:
                parcel = await call.compose(flow, reply_to=self._address(leaf))
            except BaseException:
                self._drop()
                raise
            steps[leaf.number] = Step(parcel=parcel, wants_input=flow.wants_input)
            if not count % SLICE:
                await asyncio.sleep(0)
        for branch in self.branches:
            if isinstance(branch, Parallel) and branch.begin:
                steps[branch.begin] = self._begin(branch, steps)
        return steps

    def _begin(self, parallel: Parallel, steps: dict[int, Step]) -> Step:
        """A step of our own, which begins what can't begin at once."""
        like = steps[next(parallel.first()).number].parcel
        wants_input = any(leaf.source is not None for leaf in parallel.first())
        parcel = own_message(
            BEGIN,
            [parallel.number],
            workflow=self.id,
            node=parallel.begin,
            id=self.id_of(parallel.begin),
            queue=like.queue,
            priority=like.priority,
            seal=self.producer.results.seal(),
        )
        return Step(parcel=parcel, wants_input=wants_input)

    def joins(self) -> dict[int, Join]:
        """Where values meet, by number."""
        joins = {}
        for branch in self.branches:
            if isinstance(branch, Parallel):
                start, join, over = self.follow(branch)
                joins[branch.number] = Join(
                    size=len(branch.parts), start=start, join=join, over=over
                )
        return joins

    def notes(self) -> dict[str, bytes]:
        """What is looked up when something fails, and by people."""
        seal = self.producer.results.seal()
        found: dict[str, Struct] = {
            branch_name(branch.number): self._branch(branch) for branch in self.branches
        }
        found[OUTLINE] = Outline(
            count=self.main,
            began=time(),
            tree=_shape(self.root),
            ids=self.ids,
            outer=self.outer,
            reply_to=self._reply_to,
        )
        return {name: write(self.id, name, note, seal) for name, note in found.items()}

    def _branch(self, branch: Many) -> Branch:
        _, join, _ = self.follow(branch)
        body, body_errbacks = self._body(branch)
        note = Branch(
            up=0 if branch.up is None else branch.up.number,
            end=branch.end,
            errbacks=branch.errbacks_at,
            join=join,
            body="" if body is None else self.id_of(body),
            body_task="" if body is None else body.callee.name,
            body_errbacks=body_errbacks,
        )
        if isinstance(branch, Parallel):
            ends = [part.last() for part in branch.parts]
            numbers = [0 if isinstance(end, Parallel) else end.number for end in ends]
            first = numbers[0] if numbers else 0
            in_a_row = first and numbers == [*range(first, first + len(numbers))]
            note = msgspec.structs.replace(
                note,
                parallel=True,
                size=len(branch.parts),
                errors=branch.errors,
                least=branch.least,
                begin=branch.begins if branch.begin else (),
                ends=() if in_a_row else tuple(numbers),
                first_end=first if in_a_row else 0,
                ids={number: self.ids[number] for number in numbers if number in self.ids},
            )
        return note

    def _body(self, branch: Many) -> tuple[Leaf | None, Spans]:
        """The first call of what comes after a group, and what is called where that can't run."""
        up = branch.up
        ends_with_group = isinstance(branch.last(), Parallel)
        if not ends_with_group or not isinstance(up, Series) or up.parts[-1] is branch:
            return None, ()
        after = up.parts[branch.place + 1]
        first = next(after.first(), None)
        errbacks = after.errbacks_at
        while isinstance(after, Series):  # what begins it can't run, and it has failed with that
            after = after.parts[0]
            errbacks = (*errbacks, *after.errbacks_at)
        return first, errbacks

    def _parent(self, leaf: Leaf) -> str | None:
        """The task, or the group, that a step comes after."""
        node: Node = leaf
        while (up := node.up) is not None:
            if isinstance(up, Series) and node.place:
                return self.id_of(up.parts[node.place - 1].last())
            node = up
        source = leaf.source  # of a link
        return None if source is None else self.id_of(source)


def _read(source: Leaf | Parallel | None) -> None:
    """The values of a parallel are wanted, and with them those of parallels in it."""
    if isinstance(source, Parallel) and not source.read:
        source.read = True
        for part in source.parts:
            _read(part.last())


def _ends(node: Node) -> Iterator[Leaf]:
    """The steps whose results are the result."""
    end = node.last()
    if isinstance(end, Leaf):
        yield end
    else:
        for part in end.parts:
            yield from _ends(part)


def _spans(entries: Iterable[Spans]) -> Spans:
    """All of them, those that follow each other as one."""
    made: list[Span] = []
    for each in entries:
        for first, last in each:
            if made and made[-1][1] + 1 == first:
                made[-1] = (made[-1][0], last)
            else:
                made.append((first, last))
    return tuple(made)


def _shape(node: Node) -> Shape:
    errbacks = tuple(map(_shape, node.errbacks))
    if isinstance(node, Leaf):
        links = tuple(map(_shape, node.links))
        name = node.callee.name
        return Shape(number=node.number, name=name, links=links, errbacks=errbacks)
    assert isinstance(node, Many)
    parts: list[Shape] = []
    for part in node.parts:
        shape = _shape(part)
        if isinstance(node, Parallel) and parts and _alike(parts[-1], shape):
            parts[-1] = msgspec.structs.replace(parts[-1], many=parts[-1].many + 1)
        else:
            parts.append(shape)
    return Shape(
        kind="group" if isinstance(node, Parallel) else "chain",
        number=node.number,
        parts=tuple(parts),
        errbacks=errbacks,
    )


def _alike(before: Shape, shape: Shape) -> bool:
    return (
        shape.kind == before.kind == "task"
        and shape.name == before.name
        and shape.number == before.number + before.many
        and not (before.links or before.errbacks or shape.links or shape.errbacks)
    )
