"""Entries of periodic tasks in memory, and a guard on every slot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec.structs import replace

from asynq import _time
from asynq._memory.space import Space
from asynq.wire.firing import ADDED, Declared, Entry, Fired, Firing, Look, Verdict
from asynq.wire.parcels import Parcel

Publish = Callable[[Sequence[Parcel]], None]


class MemorySchedules:
    """See `asynq.brokers.schedules.Schedules`. The lock is the space's.

    Args:
        space: Where they are kept.
        publish: Puts messages into their queues; raises where the broker is closed.
    """

    def __init__(self, space: Space, publish: Publish) -> None:
        self._space = space
        self._publish = publish

    async def look(self, *, known: str = "", token: str = "", lease: float = 0.0) -> Look:
        """Look at the entries, if they are not known."""
        with self._locked():
            version = self._space.entries_version
            changed = not version or version != known
            return Look(
                now=_now(),
                version=version,
                leads=bool(token) and self._lead(token, lease),
                entries=[*self._space.entries.values()] if changed else None,
            )

    async def resign(self, token: str) -> None:
        """Give the lease back."""
        with self._locked():
            held = self._space.entries_lease
            if held is not None and held[0] == token:
                self._space.entries_lease = None

    async def declare(self, owner: str, entries: Mapping[str, Declared]) -> Sequence[str]:
        """Let these be the entries that an owner's code has."""
        with self._locked():
            known, taken = self._space.entries, []
            for name, entry in entries.items():
                if name in known and known[name].owner != owner:
                    taken.append(name)
                else:
                    self._write(name, owner, entry)
            for name in [n for n, e in known.items() if e.owner == owner and n not in entries]:
                self._forget(name)
            return taken

    async def add(self, name: str, entry: Declared, *, replace: bool = False) -> bool:
        """Add one that no code declares."""
        with self._locked():
            known = self._space.entries.get(name)
            if known is not None and (known.owner != ADDED or not (replace or _is(known, entry))):
                return False
            self._write(name, ADDED, entry)
            return True

    async def remove(self, name: str) -> bool:
        """Forget one."""
        with self._locked():
            there = name in self._space.entries
            if there:
                self._forget(name)
            return there

    async def pause(self, name: str, *, paused: bool) -> bool:
        """Fire it no more, or again from now on."""
        with self._locked():
            known = self._space.entries.get(name)
            if known is not None and known.paused != paused:
                last = known.last if paused else max(known.last, _now())
                self._put(replace(known, paused=paused, last=last, revision=known.revision + 1))
            return known is not None

    async def lasts(self, names: Sequence[str]) -> Sequence[int | None]:
        """The last slots of these."""
        with self._locked():
            known = self._space.entries
            return [known[name].last if name in known else None for name in names]

    async def fire(self, firing: Firing) -> Fired:
        """Fire a slot."""
        with self._locked():
            now, known = _now(), self._space.entries.get(firing.name)
            if known is None:
                return Fired(verdict="gone", last=0, now=now)
            verdict, last = _judge(firing, known, now), known.last
            if verdict == "fired":
                last = known.last if firing.slot is None else firing.slot
                self._send(firing)
                self._space.entries[known.name] = replace(
                    known, last=last, fired=now, count=known.count + 1, id=firing.id
                )
            return Fired(verdict=verdict, last=last, now=now)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._space.lock:
            self._publish(())  # raises where the broker is closed
            yield

    def _lead(self, token: str, lease: float) -> bool:
        held, now = self._space.entries_lease, _time.monotonic()
        if held is not None and held[0] != token and held[1] > now:
            return False
        self._space.entries_lease = (token, now + lease)
        return True

    def _write(self, name: str, owner: str, entry: Declared) -> None:
        known, now = self._space.entries.get(name), _now()
        if known is None:
            self._put(
                Entry(
                    name=name,
                    owner=owner,
                    rule=entry.rule,
                    definition=entry.definition,
                    revision=1,
                    paused=False,
                    anchor=now,
                    last=now,
                    fired=None,
                    count=0,
                    id="",
                )
            )
        elif not _is(known, entry):
            last = known.last if known.rule == entry.rule else max(known.last, now)
            rule, definition, revision = entry.rule, entry.definition, known.revision + 1
            self._put(
                replace(known, rule=rule, definition=definition, last=last, revision=revision)
            )

    def _put(self, entry: Entry) -> None:
        self._space.entries[entry.name] = entry
        self._changed()

    def _forget(self, name: str) -> None:
        del self._space.entries[name]
        self._changed()

    def _changed(self) -> None:
        began, _, count = self._space.entries_version.partition("-")
        self._space.entries_version = f"{began or _now()}-{int(count or 0) + 1}"

    def _send(self, firing: Firing) -> None:
        if firing.workflow is None:
            self._publish(firing.begin)
        else:
            self._space.workflows.launch(firing.workflow, firing.begin, self._publish)


def _judge(firing: Firing, known: Entry, now: int) -> Verdict:
    slot = firing.slot
    if known.id == firing.id and slot in (None, known.last):
        return "known"
    if slot is None:
        return "fired"
    if known.last != firing.last:
        return "moved"
    if known.revision != firing.revision or known.paused:
        return "gone"
    if slot > now:
        return "early"
    return "fired" if slot > known.last else "moved"


def _is(known: Entry, entry: Declared) -> bool:
    return (known.rule, known.definition) == (entry.rule, entry.definition)


def _now() -> int:
    return int(_time.time() * 1000)
