"""Workflows in memory: steps that have not begun, and values that must meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from msgspec.structs import replace

from asynq import _time
from asynq.wire.flow import reference, with_input
from asynq.wire.parcels import Advance, Join, Known, Parcel, Step, Workflow

Publish = Callable[[Sequence[Parcel]], None]


class _Kept:
    """One workflow."""

    def __init__(self, part: Workflow) -> None:
        self.ttl = part.ttl
        self.kept = part.kept
        self.steps: dict[int, Step] = {}
        self.joins: dict[int, Join] = {}
        self.notes: dict[str, bytes] = {}
        self.values: dict[int, dict[int, bytes]] = {}
        self.added: dict[int, dict[int, str]] = {}
        self.marks: set[str] = set()
        self.began: float | None = None
        self.over = ""
        self.touched = _time.monotonic()

    @property
    def until(self) -> float:
        """When it is forgotten, on the monotonic clock."""
        return self.touched + (self.kept if self.over else self.ttl)

    def add(self, part: Workflow) -> None:
        self.steps.update(part.steps)
        self.joins.update(part.joins)
        self.notes.update(part.notes)

    def finish(self, how: str) -> None:
        self.over, self.touched = how, _time.monotonic()


class Workflows:
    """The workflows of one space; every method may be called from any thread."""

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._known: dict[str, _Kept] = {}

    def keep(self, part: Workflow) -> None:
        """Keep part of a workflow that has not begun."""
        with self._lock:
            self._forget()
            kept = self._known.setdefault(part.id, _Kept(part))
            if kept.began is None:
                kept.add(part)
                kept.touched = _time.monotonic()

    def launch(self, part: Workflow, begin: Sequence[Parcel], publish: Publish) -> None:
        """Keep the rest, and begin; nothing where it has begun."""
        with self._lock:
            self.keep(part)
            kept = self._known[part.id]
            if kept.began is None:
                kept.began = _time.time()
                self._known[part.id] = self._known.pop(part.id)  # the youngest stands last
                publish(begin)

    def advance(self, advance: Advance, publish: Publish) -> None:
        """Move a workflow on, as a settlement says."""
        with self._lock:
            kept = self._alive(advance.workflow)
            if kept is None:
                return
            if kept.began is None:  # it takes the place of a task, and begins with its end
                kept.began = _time.time()
            kept.touched = _time.monotonic()
            if advance.grow is not None:
                _grow(kept, *advance.grow)
            self._begin(kept, advance.start, advance.input, publish)
            if advance.join is not None:
                self._join(kept, advance.join, advance.input, publish)
            mark, parcel = advance.once or ("", None)
            if mark and mark not in kept.marks:
                kept.marks.add(mark)
                publish(() if parcel is None else (parcel,))
            if advance.over:
                kept.finish(advance.over)

    def notes(self, id: str, names: Sequence[str]) -> list[bytes | None]:
        """Notes by their names."""
        with self._lock:
            kept = self._alive(id)
            return [None if kept is None else kept.notes.get(name) for name in names]

    def values(self, id: str, join: int, places: Sequence[int]) -> list[bytes | None]:
        """What stands at places of a join."""
        with self._lock:
            kept = self._alive(id)
            values = {} if kept is None else kept.values.get(join, {})
            return [values.get(place) for place in places]

    def added(self, id: str, join: int) -> list[tuple[int, str]]:
        """The places that a join was given later."""
        with self._lock:
            kept = self._alive(id)
            return [] if kept is None else [*kept.added.get(join, {}).items()]

    def marks(self, id: str, prefix: str) -> list[str]:
        """The marks that begin so."""
        with self._lock:
            kept = self._alive(id)
            return [] if kept is None else [m for m in kept.marks if m.startswith(prefix)]

    def known(self, ids: Sequence[str] | None = None) -> list[Known]:
        """Those of these ids, or all, the youngest first."""
        with self._lock:
            self._forget()
            found = [*reversed(self._known)] if ids is None else ids
            return [
                Known(
                    id=id,
                    began=kept.began,
                    idle=_time.monotonic() - kept.touched,
                    over=kept.over,
                )
                for id in found
                if (kept := self._known.get(id)) is not None and kept.began is not None
            ]

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._known.clear()

    def _begin(
        self, kept: _Kept, spans: Sequence[tuple[int, int]], input: bytes, publish: Publish
    ) -> None:
        numbers = [number for first, last in spans for number in range(first, last + 1)]
        steps = [kept.steps.pop(number, None) for number in numbers]
        publish([_with_input(step, input) for step in steps if step is not None])

    def _join(self, kept: _Kept, where: tuple[int, int], value: bytes, publish: Publish) -> None:
        number, place = where
        join, values = kept.joins.get(number), kept.values.setdefault(number, {})
        if join is None or place in values:
            return
        values[place] = value
        if len(values) < join.size:
            return
        self._begin(kept, join.start, b"", publish)
        if join.join is not None:
            self._join(kept, join.join, reference(number), publish)
        if join.over:
            kept.finish("SUCCESS")

    def _alive(self, id: str) -> _Kept | None:
        kept = self._known.get(id)
        return None if kept is None or kept.until <= _time.monotonic() else kept

    def _forget(self) -> None:
        now = _time.monotonic()
        for id in [id for id, kept in self._known.items() if kept.until <= now]:
            del self._known[id]


def _grow(kept: _Kept, number: int, places: Sequence[tuple[int, str]]) -> None:
    join = kept.joins.get(number)
    if join is not None:
        kept.joins[number] = replace(join, size=join.size + len(places))
        kept.added.setdefault(number, {}).update(places)


def _with_input(step: Step, input: bytes) -> Parcel:
    if not step.wants_input or not input:
        return step.parcel
    return replace(step.parcel, body=with_input(step.parcel.body, input))
