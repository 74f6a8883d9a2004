"""Why a value can't be sent: which part of it, of what type, and what to do instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Final

from asynq.exceptions import EncodeError
from asynq.wire.tags import UnwritableError, fields_of, is_model

DEEPEST: Final = 32
"""How far a path is followed."""


def refusal(
    value: object, encode: Callable[[object], bytes], what: str, error: Exception
) -> EncodeError:
    """The error for the caller, who wants the innermost part that is at fault.

    Args:
        value: what was to be sent.
        encode: what refused it; asked again for one part after the other.
        what: how the text names the value.
        error: what `encode` raised.
    """
    path, part, error = _culprit(value, encode, what, error)
    kind = f"{type(part).__module__}.{type(part).__qualname__}".removeprefix("builtins.")
    return EncodeError(f"{path} (of type {kind}) {_reason(error)}. {_advice(part)}")


def _reason(error: Exception) -> str:
    if isinstance(error, UnwritableError):
        return str(error)
    if isinstance(error, UnicodeEncodeError):
        return "holds half a character (a lone surrogate)"
    if isinstance(error, RecursionError):
        return "is nested too deeply, or holds itself"
    return f"can't be written: {type(error).__name__}: {error}"


def _advice(part: object) -> str:
    if inspect.isgenerator(part) or inspect.isasyncgen(part):
        return "It yields its values one by one: collect them in a list first"
    if inspect.isawaitable(part):
        return "It was never awaited: `await` it in an `async def`; a `def` can say asynq.run(…)"
    if isinstance(part, BaseException):
        return "An error is raised, not sent: send its text"
    if isinstance(part, (str, int, float, list, dict, tuple, set, frozenset)):
        return "Send a part of it, or its text"
    return (
        "Send an id or plain values instead; what can be sent: None, bool, int, float, str, bytes, "
        "list, tuple, dict, set, date and time types, UUID, Decimal, Enum, dataclasses, msgspec "
        "Structs and pydantic models"
    )


def _culprit(
    value: object, encode: Callable[[object], bytes], path: str, error: Exception
) -> tuple[str, object, Exception]:
    """The innermost part that can't be written even alone, and where it is."""
    for _ in range(DEEPEST):
        if isinstance(error, RecursionError):
            break  # its parts are at fault for the same reason, down to an arbitrary one
        found = _first(value, encode)
        if found is None:
            break
        inner, value, error = found
        path += inner
    return path, value, error


def _first(
    value: object, encode: Callable[[object], bytes]
) -> tuple[str, object, Exception] | None:
    """The first part of a value that can't be written, one level down."""
    try:
        parts = list(_parts(value))
    except Exception:  # its own methods fail: nothing in it can be asked
        return None
    for inner, part in parts:
        try:
            encode(part)
        except Exception as error:
            return inner, part, error
    return None


def _parts(value: object) -> Iterator[tuple[str, object]]:
    """Names of the parts as Python would reach them; no `repr` of what may be a user's object."""
    if isinstance(value, dict):
        for key, each in value.items():
            shown = f"{key!r:.80}" if type(key) in (str, int) else f"<{type(key).__name__}>"
            yield f"[{shown}]", each
            yield ": a key", key
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{at}]", each) for at, each in enumerate(value))
    elif isinstance(value, (set, frozenset)):
        yield from ((": a member", each) for each in value)
    elif not is_model(type(value)):
        inner = fields_of(value)
        if isinstance(inner, dict):
            yield from ((f".{name}", each) for name, each in inner.items())
