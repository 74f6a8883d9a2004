"""What `|` makes of two canvases, and `chain` of many: each gets what the one before it returned.

A group followed by something is a chord, wherever it stands; an empty one in between is passed
over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Unpack, overload

from asynq.canvas.chain import OF_LAST, WHOLE, Chain
from asynq.canvas.chord import Chord
from asynq.canvas.group import Group
from asynq.canvas.nodes import TIMEOUT, Canvas, R, checked, is_many, piping, read_options, split
from asynq.options import CallOptions


def pipe(left: Canvas[Any], right: Canvas[Any]) -> Canvas[Any]:
    """`left`, then `right`."""
    parts, options = _one_chain([left, right])
    made = _chained(parts)
    if len(made) == 1 and isinstance(made[0], Chord):
        return made[0].copied(options)
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
    if len(tasks) == 1 and is_many(tasks[0]):
        given = tasks[0]
    canvases = [checked(each, "chain()") for each in given]
    parts, own = _one_chain(canvases)
    return Chain(_chained(parts), own | read_options(options, "chain()"))


def _one_chain(canvases: Sequence[Canvas[Any]]) -> tuple[list[Canvas[Any]], dict[str, Any]]:
    """What a chain is made of, and its options. A chain in it that has an errback of its own stays
    whole; of others, what is of their first call or their last one goes there."""
    parts: list[Canvas[Any]] = []
    options: dict[str, Any] = {}
    for place, canvas in enumerate(canvases):
        if not isinstance(canvas, Chain) or "link_error" in canvas.options:
            parts.append(canvas)
            continue
        tasks = [*canvas.tasks]
        whole, own = split(canvas.options, *WHOLE)
        of_last, of_first = split(own, *OF_LAST)
        if tasks and place + 1 < len(canvases) and of_last:
            tasks[-1] = tasks[-1].copied(of_last)
            of_last = {}
        if tasks and parts and of_first:
            tasks[0] = tasks[0].copied(of_first)
            of_first = {}
        if TIMEOUT in whole and TIMEOUT in options:
            options[TIMEOUT] = min(whole[TIMEOUT], options[TIMEOUT])
        options = {**whole, **of_last, **of_first, **options}
        parts += tasks
    return parts, options


def _chained(parts: Sequence[Canvas[Any]]) -> list[Canvas[Any]]:
    made: list[Canvas[Any]] = []
    for part in parts:
        before = made[-1] if made else None
        if before is not None and isinstance(part, Group) and not part.tasks:
            continue  # it would have no value to give, and drop the one before it
        if isinstance(before, Group):
            made[-1] = Chord(before, part)
        elif isinstance(before, Chord) and before.body is not None and not _whole(before):
            of_body, own = split(before.options, *OF_LAST)
            body = before.body.copied(of_body) if of_body else before.body
            made[-1] = Chord(before.header, pipe(body, part), own)
        else:
            made.append(part)
    return made


def _whole(chord: Chord[Any]) -> bool:
    """It has an errback of its own, which is not for what follows it."""
    return "link_error" in chord.options
