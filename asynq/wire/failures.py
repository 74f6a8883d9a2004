"""An error, portable: what of it travels, and how it is raised again elsewhere.

Two rules. Writing one never fails, whatever the error's own methods do, and is bounded: a task that
raises something unreadable still ends as a FAILURE. Reading one never imports, and never calls what
is not an error's class: an error comes back as its own class only where that class is a builtin, is
registered, or is already imported under that very name, and only if it can be built again from its
`args`, plain values; otherwise it is a `RemoteError` of the same name. What
would end the caller instead of telling it something (`SystemExit`, `CancelledError`,
`StopIteration` …) always comes back as a `RemoteError`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sized
from functools import lru_cache
from traceback import FrameSummary, StackSummary, TracebackException
from types import new_class
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import Struct

from asynq.exceptions import RemoteError
from asynq.wire.tags import Tagger, UnwritableError, untag

E = TypeVar("E", bound=type[Exception])

TEXT_BYTES: Final = 64 * 1024
"""The longest text, and the longest traceback, of the error itself."""
NESTED_BYTES: Final = 4 * 1024
"""The longest text of a cause or of a member of a group: there can be many."""
NESTED_COUNT: Final = 32
"""How many causes and members of groups travel with an error, all levels together."""
TYPE_BYTES: Final = 256
ARGS_COUNT: Final = 4096
"""About how many values, all levels together, an error's arguments may have to travel with it."""
FRAMES: Final = (16, 48)
"""Frames of a traceback that are kept, at its start and at its end."""


class Failure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as it travels."""

    type: str
    """``module.QualName``; a builtin is ``builtins.ValueError``."""
    text: str = ""
    """`str()` of the error, at most 64 KiB."""
    args: tuple[object, ...] | None = None
    """What builds it again, as tagged plain values; None: they can't travel, or are too large."""
    traceback: str = ""
    """As Python prints it, causes included, at most 64 KiB; only on the outermost failure."""
    cause: Failure | None = None
    """What it was raised from (`raise … from`)."""
    members: tuple[Failure, ...] = ()
    """What an exception group holds."""

    @property
    def kind(self) -> str:
        """The type as people call it: without the module of builtins, and of our own."""
        return self.type.removeprefix("builtins.").removeprefix("asynq.exceptions.")

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Write an error down. Never raises."""
        nothing = cls(type=_name_of(type(error)), text="<could not be read>")
        return _guard(lambda: _write(error, _Budget(), nested=False), nothing)


class _Budget:
    """Which errors were written already, so that loops end and trees stay small."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def take(self, error: BaseException) -> bool:
        if id(error) in self._seen or len(self._seen) > NESTED_COUNT:
            return False
        self._seen.add(id(error))
        return True


def register_exception(cls: E) -> E:
    """Let errors of this class come back as themselves, wherever the class lives.

    Only classes that can't be found by their name need it: those made inside a function. Usable
    as a decorator.
    """
    _registered[_name_of(cls)] = cls
    return cls


def rebuild(failure: Failure) -> BaseException:
    """The error a failure stands for: to raise, or to return.

    Its remote traceback is a note on it, its cause its `__cause__`.
    """
    return _rebuild(failure, NESTED_COUNT)


_registered: dict[str, type[Exception]] = {}

_HARMFUL: Final = (StopIteration, StopAsyncIteration)
"""Errors that mean something else when raised inside a coroutine."""

T = TypeVar("T")


def _guard(call: Callable[[], T], otherwise: T) -> T:
    """What a call gives; `otherwise` if it raises. It runs code of the error's own class."""
    try:
        return call()
    except BaseException:
        return otherwise


def _write(error: BaseException, budget: _Budget, *, nested: bool) -> Failure:
    budget.take(error)
    limit = NESTED_BYTES if nested else TEXT_BYTES
    cause = error.__cause__
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return Failure(
        type=_name_of(type(error)),
        text=_text_of(error, limit),
        args=_args_of(error, limit),
        traceback="" if nested else _traceback_of(error),
        cause=(
            _write(cause, budget, nested=True) if cause is not None and budget.take(cause) else None
        ),
        members=tuple(_write(each, budget, nested=True) for each in members if budget.take(each)),
    )


def _name_of(cls: type[BaseException]) -> str:
    name = _guard(lambda: f"{cls.__module__}.{cls.__qualname__}", "builtins.Exception")
    return _fit(name, TYPE_BYTES)


def _text_of(error: BaseException, limit: int) -> str:
    unreadable = f"<{_name_of(type(error))}: its str() failed>"
    return _guard(lambda: _fit(str(error), limit), unreadable)


def _args_of(error: BaseException, limit: int) -> tuple[object, ...] | None:
    """What its class was called with, as values that any envelope can hold."""

    def read() -> tuple[object, ...] | None:
        # Pickle's way knows more than `args` does: the file name of an OSError, say.
        reduced: Any = _guard(error.__reduce__, None)
        known = isinstance(reduced, tuple) and len(reduced) > 1 and reduced[0] is type(error)
        write = _Frugal().write
        args = tuple(write(each) for each in (reduced[1] if known else error.args))
        return args if len(msgspec.json.encode(args)) <= limit else None

    return None if isinstance(error, BaseExceptionGroup) else _guard(read, None)


class _Frugal(Tagger):
    """Writes what any envelope can hold, and gives up on large values before they cost seconds."""

    def __init__(self) -> None:
        super().__init__(binary=False, wide=False)
        self._left = ARGS_COUNT

    def write(self, value: object, depth: int = 0) -> object:
        # A text is one value, however long: its bytes are counted afterwards.
        one = isinstance(value, str | bytes) or not isinstance(value, Collection)
        self._left -= 1 if one else len(cast("Sized", value))
        if self._left < 0:
            raise UnwritableError("too many values")
        return super().write(value, depth)


def _traceback_of(error: BaseException) -> str:
    def render() -> str:
        printed = TracebackException(type(error), error, error.__traceback__, lookup_lines=False)
        _shorten(printed)
        return _fit("".join(printed.format()), TEXT_BYTES, tail=TEXT_BYTES * 3 // 4)

    return _guard(render, f"{_name_of(type(error))}: its traceback could not be printed\n")


def _shorten(printed: TracebackException) -> None:
    """Cut very deep stacks and very long texts, of the error and of everything it came from."""
    todo, seen = [printed], set[int]()
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        first, last = FRAMES
        if each.stack is not None and len(each.stack) > first + last:
            gap = FrameSummary("...", 0, f"{len(each.stack) - first - last} frames left out")
            each.stack = StackSummary.from_list([*each.stack[:first], gap, *each.stack[-last:]])
        parts = vars(each)
        if isinstance(text := parts.get("_str"), str):  # printing it makes several copies
            parts["_str"] = _fit(text, TEXT_BYTES)
        if isinstance(notes := parts.get("__notes__"), list):
            parts["__notes__"] = [_fit(str(note), TEXT_BYTES) for note in notes]
        related = (each.__cause__, each.__context__, *(each.exceptions or ()))
        todo.extend(more for more in related if more is not None)


def _fit(text: str, limit: int, tail: int = 0) -> str:
    """A text of at most `limit` bytes of UTF-8, of which `tail` come from its end."""
    data = text[: limit + 1] if not tail else text
    encoded = data.encode("utf-8", "backslashreplace")
    if len(encoded) <= limit and len(data) == len(text):
        return encoded.decode()
    mark = b" [... left out ...] "
    head = encoded[: limit - tail - len(mark)]
    kept = head + mark + (encoded[-tail:] if tail else b"")
    return kept.decode("utf-8", "ignore")


def _rebuild(failure: Failure, depth: int) -> BaseException:
    error = _build(failure, depth)
    if failure.traceback:
        note = f"Remote traceback:\n{failure.traceback.rstrip()}"
        _guard(lambda: BaseException.add_note(error, note), None)
    if failure.cause is not None and depth:
        cause = _rebuild(failure.cause, depth - 1)
        _guard(lambda: BaseException.__setattr__(error, "__cause__", cause), None)
    return error


def _build(failure: Failure, depth: int) -> BaseException:
    cls = _find(failure.type)
    if cls is not None and not issubclass(cls, _HARMFUL):
        error = _guard(lambda: cls(*_arguments(failure, depth)), None)
        if isinstance(error, cls) and _text_of(error, TEXT_BYTES) == failure.text:
            return error
    return _synthesised(failure.type)(failure.text)


def _arguments(failure: Failure, depth: int) -> tuple[Any, ...]:
    if failure.members and depth:
        message = failure.text.rpartition(" (")[0]  # str() of a group counts its members
        return message, [_rebuild(each, depth - 1) for each in failure.members]
    if failure.args is None:
        raise TypeError("no arguments travelled with it")
    return tuple(untag(each) for each in failure.args)


def _find(name: str) -> type[Exception] | None:
    """The class of that name, if it is here already. Looks only into namespaces; runs nothing.

    By its own name alone: what is merely reachable by another, as an alias or through a module
    that some module has imported, is not what was raised.
    """
    if name in _registered:
        return _registered[name]
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        found: object = sys.modules.get(".".join(parts[:end]))
        if found is None:
            continue
        for attribute in parts[end:]:
            found = getattr(found, "__dict__", {}).get(attribute)
        if isinstance(found, type) and issubclass(found, Exception) and _name_of(found) == name:
            return found
    return None


@lru_cache(maxsize=1024)
def _synthesised(name: str) -> type[RemoteError]:
    """A `RemoteError` that looks like the class of that name, and is the same one each time.

    A name that no class has, and that might do something to the terminal it is shown on, is not
    taken over.
    """
    if len(name) > TYPE_BYTES or not name.isprintable():
        return RemoteError
    module, _, qualname = name.rpartition(".")
    namespace = {"__module__": module or "builtins", "__qualname__": qualname}

    def make() -> type[RemoteError]:
        made = new_class(qualname, (RemoteError,), exec_body=lambda own: own.update(namespace))
        return cast("type[RemoteError]", made)

    return _guard(make, RemoteError)
