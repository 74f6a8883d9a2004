"""What a canvas means, in plain Python: written from what the documentation says, not the code.

- Caller's arguments, and what came before, stand before a call's own; named ones stand over them.
- A chain gives each call what the one before it returned. When one fails, nothing after it runs,
  and all of that ends with the same error.
- A group runs all its members. When one fails, what comes right after the group fails with a
  `ChordError` and has its errbacks called; unless errors are collected or ignored, and enough
  members have succeeded. A group in which that is so has not failed.
- An errback is called once for what it was put on: a call, a chain, a group, a chord.
- What links do is their own affair.
- A canvas in the place of a call (`replace`) succeeds and fails as that call; one that may give
  errors among its values is none, and fails it.

Which of several members fails first is not said, so a failure is a set of faults, any of which may
be the one that is told. Ids in texts are the names of calls, `#` where the call has not run.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.canvas.shapes import Call, Chain, Chord, Errback, Group, Repeated, Shape, is_nothing

LONGEST = 60
COLLECTS = (
    "a group with errors='collect' can't stand in for a task: errors among its values are no "
    "result; have a task take them, as in chord(…, body, errors='collect'), or say errors='ignore'"
)


def said(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """What a call returns: who it is, and what it was given."""
    given = ",".join([*map(_shown, args), *(f"{k}={_shown(v)}" for k, v in kwargs.items())])
    if len(given) > LONGEST:
        given = hashlib.sha1(given.encode()).hexdigest()[:12]
    return f"{name}({given})"


def _shown(value: Any) -> str:
    if isinstance(value, BaseException | Bad):
        return "!"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_shown, value))}]"
    return str(value)


@dataclass(frozen=True)
class Fault:
    """An error, and the task that has it."""

    kind: str
    text: str
    id: str = "#"

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"

    def __repr__(self) -> str:
        return f"{self.kind}({self.text!r})"


@dataclass(frozen=True)
class Bad:
    """An error in the place of a value; any of these."""

    faults: frozenset[Fault]


@dataclass
class End:
    """How a part has ended.

    Attributes:
        value: what it gives, where it has not failed.
        faults: why it has failed; any of these.
        members: how the members of the group that it ends with have ended.
        of_group: a member of that group has failed.
        unread: a group that has not failed, and has too few values for what comes after it.
    """

    value: Any = None
    faults: frozenset[Fault] = frozenset()
    members: list[End] | None = None
    of_group: bool = False
    unread: frozenset[Fault] = frozenset()

    def given(self) -> Any:
        """What what comes after it is called with."""
        return Bad(self.unread) if self.unread else self.value


@dataclass
class Meaning:
    """Evaluates one canvas.

    Attributes:
        runs: how often each call runs.
        told: what each errback is called with: one set of faults for each time.
        same: calls that end with the id of another, which they replace.
    """

    runs: Counter[str] = field(default_factory=Counter)
    told: dict[str, list[frozenset[Fault]]] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)

    def end(self, shape: Shape, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] = {}) -> End:
        """How it ends, called so."""
        match shape:
            case Call():
                end = self._call(shape, args, kwargs)
            case Repeated():
                end = self._repeated(shape, args)
            case Chain():
                end = self._one_after_the_other(shape.parts, args, kwargs)
            case Chord():
                end = self._one_after_the_other([shape.header, shape.body], args, kwargs)
            case Group():
                end = self._group(shape, args, kwargs)
            case _:
                raise AssertionError(shape)
        if end.faults:
            self._tell(shape.errbacks, end.faults)
        return end

    def _call(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> End:
        for each in args:
            if isinstance(each, Bad):  # the list of a group with too few values
                return End(faults=_all_as(each.faults, self.id(call)))
        if call.immutable:
            args, kwargs = (), {}
        self.runs[call.name] += 1
        if call.how == "fail":
            return End(faults=frozenset([Fault("ValueError", call.name, self.id(call))]))
        if call.replacement is not None:
            end = self._replaced(call, call.replacement)
        else:
            end = End(said(call.name, (*args, *call.args), {**call.kwargs, **kwargs}))
        if not end.faults:
            for link in call.links:
                self.end(link, (end.value,))
        return end

    def _replaced(self, call: Call, replacement: Shape) -> End:
        last = _last(replacement)
        if isinstance(last, Call | Repeated):
            self.same[last.name] = self.id(call)
        elif _collects(last):
            return End(faults=frozenset([Fault("ValueError", COLLECTS, self.id(call))]))
        end = self.end(replacement)
        if end.members is None:
            return End(end.value, end.faults)
        if end.unread:
            return End(faults=_all_as(end.unread, self.id(call)))
        if end.of_group:
            return End(faults=_chord_errors(end.faults, self.id(call)))
        return End(end.value, end.faults)

    def _repeated(self, repeated: Repeated, args: tuple[Any, ...]) -> End:
        if args and isinstance(args[0], Bad):
            return End(faults=_all_as(args[0].faults, self.id(repeated)))
        values = []
        for item in range(repeated.items):
            self.runs[f"{repeated.name}.{item}"] += 1
            if item == repeated.fails_at:
                text = f"{repeated.name}.{item}"
                return End(faults=frozenset([Fault("ValueError", text, self.id(repeated))]))
            values.append(f"{repeated.name}.{item}")
        return End(values)

    def _one_after_the_other(
        self, parts: Sequence[Shape], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> End:
        end: End | None = None
        for part in parts:
            if end is None and is_nothing(part):
                # What follows gets an empty list, unless there was too little before it.
                unread = [each.faults for each in args if isinstance(each, Bad)]
                end = End([], members=[], unread=frozenset().union(*unread))
            elif end is None:
                end = self.end(part, args, kwargs)
            elif is_nothing(part):
                continue  # passed over
            elif not end.faults:
                end = self.end(part, (end.given(),))
            elif end.of_group:
                faults = _chord_errors(end.faults, self.id(_first(part)))
                self._tell(_errbacks_of_first(part), faults)
                end = _not_run(part, faults)
            else:
                end = _not_run(part, end.faults)
        assert end is not None
        return end

    def _group(self, group: Group, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> End:
        members = [self.end(member, args, kwargs) for member in group.members]
        failed = [each for each in members if each.faults]
        if group.errors == "fail":
            faults = frozenset(fault for each in failed for fault in each.faults)
            values = [each.value for each in members]
            return End(values, faults, members, of_group=bool(faults))
        unread: set[Fault] = set()
        if len(members) - len(failed) < group.least:
            place = next(place for place, each in enumerate(members) if each.faults)
            why = (
                f"{len(members) - len(failed)} of {len(members)} succeeded, and {group.least} must"
            )
            last = _last(group.members[place])
            id = self.id(last) if isinstance(last, Call | Repeated) else "#"
            for fault in members[place].faults:
                unread.add(Fault("ChordError", f"{why}; Dependency {id} raised {fault!r}"))
        if group.errors == "collect":
            values = [Bad(each.faults) if each.faults else each.value for each in members]
        else:
            values = [each.value for each in members if not each.faults]
        return End(values, members=members, unread=frozenset(unread))

    def _tell(self, errbacks: Sequence[Errback], faults: frozenset[Fault]) -> None:
        for errback in errbacks:
            self.told.setdefault(errback.name, []).append(faults)
            if errback.then is not None:
                self.end(errback.then, (f"told {errback.name}",))

    def id(self, call: Call | Repeated) -> str:
        """What the id of a call is shown as."""
        if call.name in self.same:
            return self.same[call.name]
        return call.name if self.runs[call.name] else "#"


def _all_as(faults: frozenset[Fault], id: str) -> frozenset[Fault]:
    return frozenset(Fault(fault.kind, fault.text, id) for fault in faults)


def _chord_errors(faults: frozenset[Fault], id: str) -> frozenset[Fault]:
    return frozenset(
        Fault("ChordError", f"Dependency {fault.id} raised {fault!r}", id) for fault in faults
    )


def _not_run(shape: Shape, faults: frozenset[Fault]) -> End:
    """What can't run ends as what came before it; so do the members of a group."""
    match shape:
        case Chain():
            filled = [part for part in shape.parts if not is_nothing(part)]
            return _not_run(filled[-1], faults)
        case Chord():
            return _not_run(shape.header if is_nothing(shape.body) else shape.body, faults)
        case Group():
            members = [_not_run(member, faults) for member in shape.members]
            return End(faults=faults, members=members)
    return End(faults=faults)


def _errbacks_of_first(shape: Shape) -> list[Errback]:
    """The errbacks of what takes a group's values: the call, and all that begins with it."""
    match shape:
        case Chain():
            return [*_errbacks_of_first(shape.parts[0]), *shape.errbacks]
        case Chord():
            first = shape.body if is_nothing(shape.header) else shape.header
            return [*_errbacks_of_first(first), *shape.errbacks]
    return shape.errbacks


def _first(shape: Shape) -> Call | Repeated:
    match shape:
        case Chain():
            return _first(shape.parts[0])
        case Chord():
            return _first(shape.body if is_nothing(shape.header) else shape.header)
        case Group():
            return _first(shape.members[0])
    assert isinstance(shape, Call | Repeated)
    return shape


def _collects(group: Group) -> bool:
    """There may be errors among its values."""
    ends = [_last(member) for member in group.members if not is_nothing(member)]
    inner = [each for each in ends if isinstance(each, Group)]
    return (group.errors == "collect" and bool(group.members)) or any(map(_collects, inner))


def _last(shape: Shape) -> Call | Repeated | Group:
    match shape:
        case Chain():
            return _last([part for part in shape.parts if not is_nothing(part)][-1])
        case Chord():
            return _last(shape.body)
    assert isinstance(shape, Call | Repeated | Group)
    return shape
