"""What `|` makes of two canvases, and `chain` of many: each gets what the one before it returned.

A group followed by something is a chord, wherever it stands; an empty one in between is passed
over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Unpack, overload

from asynq.canvas.chain import Chain
from asynq.canvas.chord import Chord
from asynq.canvas.group import Group
from asynq.canvas.nodes import Canvas, R, piping, read_options
from asynq.options import CallOptions


def pipe(left: Canvas[Any], right: Canvas[Any]) -> Canvas[Any]:
    """`left`, then `right`."""
    made = _chained([*_parts(left), *_parts(right)])
    options = {**_options(right), **_options(left)}
    if len(made) == 1 and isinstance(made[0], Chord):
        only = made[0]
        return Chord(only.header, only.body, {**options, **only.options})
    return Chain(made, options)


piping(pipe)


@overload
def chain(task: Canvas[R], /, **options: Unpack[CallOptions]) -> Chain[R]: ...
@overload
def chain(tasks: Iterable[Canvas[R]], /, **options: Unpack[CallOptions]) -> Chain[R]: ...
@overload
def chain(*tasks: Canvas[Any], **options: Unpack[CallOptions]) -> Chain[Any]: ...
def chain(*tasks: Any, **options: Unpack[CallOptions]) -> Chain[Any]:
    """Calls one after the other, each with what the one before it returned.

    Args:
        *tasks: Signatures, groups, chords, chains; or one iterable of them.
        **options: See `Chain`.

    Raises:
        TypeError: something among them is no signature.
    """
    given: Iterable[Any] = tasks
    if len(tasks) == 1 and not isinstance(tasks[0], Canvas):
        given = tasks[0]
    parts: list[Canvas[Any]] = []
    own: dict[str, Any] = {}
    for each in given:
        if not isinstance(each, Canvas):
            raise TypeError(f"chain(): expected signatures, as task.s(…) makes them, got {each!r}")
        parts += _parts(each)
        own = {**_options(each), **own}
    return Chain(_chained(parts), own | read_options(options, "chain()"))


def _parts(canvas: Canvas[Any]) -> Sequence[Canvas[Any]]:
    """What a chain is made of; one that has an errback of its own stays whole."""
    if isinstance(canvas, Chain) and "link_error" not in canvas.options:
        return canvas.tasks
    return [canvas]


def _options(canvas: Canvas[Any]) -> dict[str, Any]:
    flat = isinstance(canvas, Chain) and "link_error" not in canvas.options
    return dict(canvas.options) if flat else {}


def _chained(parts: Sequence[Canvas[Any]]) -> list[Canvas[Any]]:
    made: list[Canvas[Any]] = []
    for part in parts:
        before = made[-1] if made else None
        if before is not None and isinstance(part, Group) and not part.tasks:
            continue  # it would have no value to give, and drop the one before it
        if isinstance(before, Group):
            made[-1] = Chord(before, part)
        elif isinstance(before, Chord) and before.body is not None and not _whole(before):
            made[-1] = Chord(before.header, pipe(before.body, part), before.options)
        else:
            made.append(part)
    return made


def _whole(chord: Chord[Any]) -> bool:
    """It has an errback of its own, which is not for what follows it."""
    return "link_error" in chord.options
