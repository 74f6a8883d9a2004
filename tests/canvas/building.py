"""Shapes as canvases, the tasks that these call, and a ledger of all that they were called with."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import reduce
from operator import or_
from typing import Any

from asynq import Asynq, chain, chord, group, signature
from asynq.canvas import Canvas
from tests.canvas.meaning import Fault, said
from tests.canvas.shapes import Call, Chain, Chord, Errback, Group, Repeated, Shape

ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


class Ledger:
    """What has happened in one canvas; what a late task of another one says is left out.

    Attributes:
        run: which canvas it is.
        runs: how often each call has run.
        told: what each errback was called with; an id alone is a fault without kind and text.
        names: id to the call that had it first.
    """

    def __init__(self) -> None:
        self.run = 0
        self.begin()

    def begin(self) -> None:
        self.run += 1
        self.runs: Counter[str] = Counter()
        self.told: dict[str, list[tuple[str, str, str]]] = {}
        self.names: dict[str, str] = {}

    def note(self, at: str, id: str | None) -> str:
        """A call runs; gives its name."""
        run, _, name = at.partition(":")
        if int(run) == self.run:
            self.runs[name] += 1
            if id is not None:
                self.names.setdefault(id, name)
        return name

    def tell(self, at: str, kind: str, text: str, id: str) -> str:
        """An errback is called; gives its name."""
        run, _, name = at.partition(":")
        if int(run) == self.run:
            self.told.setdefault(name, []).append((kind, text, id))
        return name

    def named(self, text: str) -> str:
        """A text, with names in the place of ids."""
        return ID.sub(lambda found: self.names.get(found[0], "#"), text)

    def fault(self, error: BaseException) -> Fault:
        """An error, as `meaning` has them, of nobody."""
        return Fault(type(error).__name__, self.named(str(error)))


class Build:
    """The tasks of an app, and canvases made of them."""

    def __init__(self, app: Asynq, ledger: Ledger) -> None:
        self.ledger = ledger

        @app.task(bind=True)
        async def say(self, *args: Any, at: str, **more: Any) -> str:
            return said(ledger.note(at, self.request.id), args, more)

        @app.task(bind=True)
        def say_in_thread(self, *args: Any, at: str, **more: Any) -> str:
            return said(ledger.note(at, self.request.id), args, more)

        @app.task(bind=True)
        async def fail(self, *args: Any, at: str, **more: Any) -> None:
            raise ValueError(ledger.note(at, self.request.id))

        @app.task(bind=True)
        async def replace(self, *args: Any, at: str, by: Any, **more: Any) -> None:
            ledger.note(at, self.request.id)
            raise self.replace(signature(by))

        @app.task
        async def piece(item: str) -> str:
            return _piece(item, item.endswith("!"))

        @app.task
        async def starred(item: str, fails: bool) -> str:
            return _piece(item, fails)

        def _piece(item: str, fails: bool) -> str:
            name = ledger.note(item.removesuffix("!"), None)
            if fails:
                raise ValueError(name)
            return name

        @app.task
        async def told_id(id: str, own: int = 0, *, at: str) -> str:
            return f"told {ledger.tell(at, '', '', id)}"

        @app.task
        async def told_three(request: Any, error: Any, traceback: Any, *own: int, at: str) -> str:
            return f"told {ledger.tell(at, type(error).__name__, str(error), request.id)}"

        @app.task
        async def told_nothing(*own: int, at: str) -> str:
            return f"told {ledger.tell(at, '', '', '')}"

        self.piece, self.starred = piece, starred
        self.tasks = {
            "say": say, "say_in_thread": say_in_thread, "fail": fail, "replace": replace,
            "id": told_id, "three": told_three, "nothing": told_nothing,
        }  # fmt: skip

    def canvas(self, shape: Shape) -> Canvas[Any]:
        """The shape, as a canvas."""
        match shape:
            case Call():
                made = self._call(shape)
            case Repeated():
                items = self._items(shape)
                made = self.starred.starmap(items) if shape.star else self.piece.map(items)
            case Chain():
                parts = [self.canvas(part) for part in shape.parts]
                made = reduce(or_, parts) if shape.piped and len(parts) > 1 else chain(parts)
            case Group():
                made = self._group(shape)
            case Chord():
                made = chord(self._group(shape.header), self.canvas(shape.body))
            case _:
                raise AssertionError(shape)
        if not isinstance(shape, Group):
            self._errbacks(made, shape)
        return made

    def _call(self, call: Call) -> Canvas[Any]:
        kwargs: dict[str, Any] = {"at": self._at(call.name), **call.kwargs}
        if call.replacement is not None:
            kwargs["by"] = json.loads(json.dumps(self.canvas(call.replacement).to_dict()))
        made = self.tasks[call.how].signature(call.args, kwargs, immutable=call.immutable)
        for link in call.links:
            made.link(self.canvas(link))
        return made

    def _group(self, shape: Group) -> Canvas[Any]:
        if shape.chunked:
            items = [item for each in shape.members for item in self._items(each)]
            made: Canvas[Any] = self.starred.chunks(items, shape.chunked)
        else:
            members = [self.canvas(member) for member in shape.members]
            made = group(members, errors=shape.errors, least=shape.least)
        self._errbacks(made, shape)
        return made

    def _items(self, repeated: Shape) -> list[Any]:
        assert isinstance(repeated, Repeated)
        items = [self._at(f"{repeated.name}.{item}") for item in range(repeated.items)]
        if repeated.star:
            return [[item, place == repeated.fails_at] for place, item in enumerate(items)]
        return [item + "!" * (place == repeated.fails_at) for place, item in enumerate(items)]

    def _errbacks(self, made: Canvas[Any], shape: Shape) -> None:
        for errback in shape.errbacks:
            made.link_error(self._errback(errback))

    def _errback(self, errback: Errback) -> Canvas[Any]:
        task = self.tasks[errback.style]
        immutable = errback.style == "nothing"
        at = {"at": self._at(errback.name)}
        made = task.signature(errback.args, at, immutable=immutable)
        return made if errback.then is None else chain(made, self.canvas(errback.then))

    def _at(self, name: str) -> str:
        return f"{self.ledger.run}:{name}"
