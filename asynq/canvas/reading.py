"""From plain values to a canvas again: what `to_dict` and JSON made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import msgspec

from asynq.application import Application, Callee
from asynq.canvas.group import Group
from asynq.canvas.nodes import KIND, Canvas
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


def _read(plain: Mapping[str, Any]) -> Canvas[Any]:
    kind = plain.get(KIND) or "task"  # Celery's signatures of one task have None there
    try:
        made: Canvas[Any] = msgspec.convert({**plain, KIND: kind}, Signature[Any] | Group[Any])
    except msgspec.ValidationError as error:
        raise TypeError(f"signature(): {dict(plain)!r} is none: {error}") from None
    return made
