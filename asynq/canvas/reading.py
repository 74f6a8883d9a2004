"""From plain values to a canvas again: what `to_dict` and JSON made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack

import msgspec

from asynq.application import Application, Callee
from asynq.canvas.chain import Chain
from asynq.canvas.chord import Chord
from asynq.canvas.group import Group
from asynq.canvas.nodes import KIND, LINKS, Canvas, reading
from asynq.canvas.signature import Signature, of_callee
from asynq.options import CallOptions, arguments


def signature(
    varies: str | Callee | Canvas[Any] | Mapping[str, Any],
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    options: CallOptions | None = None,
    *,
    immutable: bool = False,
    app: Application | None = None,
    **more: Unpack[CallOptions],
) -> Any:
    """A signature.

    Args:
        varies: The name of a task, which need not be known here; a task; a canvas, of which it
            makes a copy; or what `to_dict` or JSON made of one.
        args: Positional arguments, before which a caller's come.
        kwargs: Named arguments, over which a caller's stand.
        options: See `asynq.options.CallOptions`.
        immutable: Leave a caller's arguments out.
        app: Whose tasks a name means; None: those of the app that is current where it is called.
        **more: More options.

    Raises:
        TypeError: it is none of these, or there is no such option.
    """
    if isinstance(varies, Mapping):
        varies = _read(varies)
    given: Any = {**(options or {}), **more}
    made: Canvas[Any]
    if isinstance(varies, Canvas):
        made = varies.clone(args, kwargs, **given)
    elif isinstance(varies, str):
        made = Signature[Any](varies, *_checked(args, kwargs)).set(**given)
    elif hasattr(varies, "apply_async"):
        made = of_callee(varies, *_checked(args, kwargs), given)
    else:
        raise TypeError(f"signature(): expected a task, its name or a signature, got {varies!r}")
    if app is not None:
        made.bind(app)
    return made.set(immutable=True) if immutable else made


def _checked(
    args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    positional, named = arguments(args, kwargs)
    return tuple(positional), dict(named)


_KINDS: Final[Mapping[str, type[Canvas[Any]]]] = {
    "task": Signature,
    "chain": Chain,
    "group": Group,
    "chord": Chord,
}


def _read(plain: Any) -> Canvas[Any]:
    """A canvas, with all that is in it."""
    if isinstance(plain, Canvas):
        return plain
    if not isinstance(plain, Mapping):
        raise TypeError(f"signature(): {plain!r} is none")
    kind = plain.get(KIND) or "task"  # Celery's signatures of one task have None there
    made = _KINDS.get(kind)
    if made is None:
        raise TypeError(f"signature(): {dict(plain)!r} is none: {KIND} {kind!r} is not known")
    fields = {**plain, KIND: kind}
    tasks, body, header = fields.pop("tasks", None), fields.pop("body", None), fields.get("header")
    fields.pop("header", None)
    options = fields.get("options")
    links = {}
    if isinstance(options, Mapping):
        links = {name: [*map(_read, options[name])] for name in LINKS & options.keys()}
        fields["options"] = {n: each for n, each in options.items() if n not in links}
    try:
        canvas: Canvas[Any] = msgspec.convert(fields, made)
    except msgspec.ValidationError as error:
        raise TypeError(f"signature(): {dict(plain)!r} is none: {error}") from None
    if links:
        canvas.options = canvas.options | links
    if isinstance(canvas, Chain | Group):
        if not isinstance(tasks, Sequence) or isinstance(tasks, str):
            raise TypeError(f"signature(): {dict(plain)!r} is none: its tasks are no list")
        canvas.tasks = [*map(_read, tasks)]
    if isinstance(canvas, Chord):
        read = _read(header if header is not None else Group())
        if not isinstance(read, Group):
            raise TypeError(f"signature(): the header of a chord is a group, not {read!r}")
        canvas.header, canvas.body = read, None if body is None else _read(body)
    return canvas


reading(_read)
