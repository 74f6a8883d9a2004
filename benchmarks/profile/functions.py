"""From a trace to microseconds a task: each function's own time, as it is when nobody looks on.

A tracer costs time at every call, a little more of it in the function that calls than in the one
that is called; a function that calls many small ones looks far slower than it is. How much one call
costs is known here: what the traced run took more than the plain one, over all calls.
"""

from __future__ import annotations

import cProfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Final

from benchmarks.profile.rooms import HOUSE, LOOP, room_of

CALLED_SHARE: Final = 0.43
"""Of what a traced call costs, the part that falls on the function that is called. Measured with
empty functions, Python's and C's alike: of 0.86 µs a call, 0.37 are on the inside."""


@dataclass(frozen=True)
class Cost:
    """What one function costs a task."""

    name: str
    place: str
    room: str
    calls: float
    microseconds: float
    """Its own, without what it calls."""


@dataclass
class _Own:
    """What was seen of one function: seconds of its own, calls of it, and calls that it made."""

    seconds: float = 0.0
    calls: int = 0
    made: int = 0


def calls_of(profiler: cProfile.Profile) -> int:
    """How many functions were called, Python's and C's."""
    return sum(entry.callcount for entry in profiler.getstats())


def costs(
    profiler: cProfile.Profile, *, plain: float, traced: float, count: int
) -> tuple[list[Cost], float]:
    """Each function's cost a task, dearest first, and what tracing cost a call in microseconds.

    Args:
        profiler: What was traced, in `count` tasks.
        plain: Seconds of processor time that these tasks take untraced.
        traced: Seconds that they took traced.
    """
    stats = profiler.getstats()
    seen: dict[tuple[str, str, str], _Own] = {}
    for key, seconds, calls, made in _own(stats):
        own = seen.setdefault(key, _Own())
        own.seconds += seconds
        own.calls += calls
        own.made += made
    total = sum(own.calls for own in seen.values())
    # What no function accounts for is the loop's, which was entered before the tracing began.
    rest = traced - sum(own.seconds for own in seen.values())
    outermost = total - sum(own.made for own in seen.values())
    seen["(in C)", "", LOOP] = _Own(max(rest, 0.0), 0, outermost)
    price = max(traced - plain, 0.0) / total
    found = [
        Cost(name, place, room, own.calls / count, _true(own, price) / count * 1e6)
        for (name, place, room), own in seen.items()
    ]
    whole = sum(cost.microseconds for cost in found)
    scale = plain / count * 1e6 / whole if whole else 1.0
    scaled = [
        Cost(cost.name, cost.place, cost.room, cost.calls, cost.microseconds * scale)
        for cost in found
        if cost.microseconds or cost.calls
    ]
    return sorted(scaled, key=lambda cost: -cost.microseconds), price * 1e6


def _true(own: _Own, price: float) -> float:
    """Its seconds without those of the tracer."""
    traced = price * (CALLED_SHARE * own.calls + (1 - CALLED_SHARE) * own.made)
    return max(own.seconds - traced, 0.0)


def _own(stats: Iterable[Any]) -> Iterable[tuple[tuple[str, str, str], float, int, int]]:
    """Each function with its own seconds, its calls and the calls it made; one of C's once for
    each room that calls it."""
    for entry in stats:
        made = entry.calls or ()
        if isinstance(entry.code, CodeType):
            key = _python(entry.code)
            calls = sum(sub.callcount for sub in made)
            yield key, entry.inlinetime, entry.callcount, calls
            room = key[2]
        else:
            room = ""
        for sub in made:
            if isinstance(sub.code, str) and room:
                yield (_c_name(sub.code), "", room), sub.inlinetime, sub.callcount, 0
    yield from _called_by_nobody(stats)


def _called_by_nobody(
    stats: Iterable[Any],
) -> Iterable[tuple[tuple[str, str, str], float, int, int]]:
    """Functions of C that the loop calls itself, or that another of C's calls."""
    inside: dict[str, tuple[float, int]] = {}
    for entry in stats:
        if not isinstance(entry.code, CodeType):
            continue
        for sub in entry.calls or ():
            if isinstance(sub.code, str):
                seconds, calls = inside.get(sub.code, (0.0, 0))
                inside[sub.code] = seconds + sub.inlinetime, calls + sub.callcount
    for entry in stats:
        if isinstance(entry.code, str):
            seconds, calls = inside.get(entry.code, (0.0, 0))
            made = sum(sub.callcount for sub in entry.calls or ())
            left = max(entry.inlinetime - seconds, 0.0)
            yield (_c_name(entry.code), "", LOOP), left, entry.callcount - calls, made


def _python(code: CodeType) -> tuple[str, str, str]:
    path = Path(code.co_filename)
    if path.is_relative_to(HOUSE):
        place = path.relative_to(HOUSE.parent).as_posix()
    else:
        place = "/".join(path.parts[-2:])
    name = code.co_qualname.replace(".<locals>", "")
    return name, f"{place}:{code.co_firstlineno}", room_of(code.co_filename, code.co_name)


def _c_name(text: str) -> str:
    """`<method 'append' of 'list' objects>` is ``list.append`` here."""
    words = text.strip("<>").split("'")
    if len(words) == 5:
        return f"{words[3]}.{words[1]}"
    return text.strip("<>").removeprefix("built-in method ").removeprefix("builtins.")
