"""What all canvas has in common: calls that are data, and can be made, changed and combined.

A canvas is a msgspec Struct. It is JSON as it stands (`to_dict`, or as an argument of a task), and
`signature` makes it again of that.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeGuard, TypeVar, Unpack

import msgspec
from msgspec import Struct

from asynq.application import Application
from asynq.canvas.tree import Node
from asynq.options import CallOptions, read_call_options
from asynq.result.handle import AsyncResult
from asynq.result.submission import Submission

if TYPE_CHECKING:  # PEP 696, as in `asynq.result.handle`
    from typing_extensions import TypeVar as DefaultedTypeVar

    R = DefaultedTypeVar("R", default=Any)
else:
    R = TypeVar("R")
S = TypeVar("S")
C = TypeVar("C", bound="Canvas[Any]")

KIND: Final = "subtask_type"
"""The field that tells what it is: Celery's name."""

LINKS: Final = frozenset({"link", "link_error"})
"""Options that hold canvas themselves."""

TIMEOUT: Final = "workflow_timeout"
"""The option that is of a workflow as a whole, whatever part of it has it."""

OF_WORKFLOW: Final = LINKS | {TIMEOUT}
"""Options that make a workflow of one call."""

_OF_ONE: Final = frozenset({"task_id", "root_id", "parent_id"})
"""Options of one call, which a copy does not inherit."""


class Canvas(Struct, Generic[R], tag_field=KIND, tag="canvas", dict=True):
    """Calls as data.

    Attributes:
        options: of the calls, as `asynq.options.CallOptions`.
    """

    if TYPE_CHECKING:  # each kind has it where it belongs in its own order

        @property
        def options(self) -> dict[str, Any]: ...
        @options.setter
        def options(self, options: dict[str, Any]) -> None: ...

    def delay(self, *args: Any, **kwargs: Any) -> Submission[R]:
        """Make the calls: await what this gives, and they are sent.

        Args:
            *args: Positional arguments, which come before its own.
            **kwargs: Named arguments, which stand over its own.

        Raises:
            TypeError: the arguments do not fit the function.
            EncodeError: an argument can't be written.
        """
        return self.apply_async(args, kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Submission[R]:
        """The same as `delay`."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[R]:
        """Make the calls, with options that stand over its own.

        Raises:
            TypeError: the arguments do not fit the function, or there is no such option.
            As `Task.apply_async`.
        """
        raise NotImplementedError

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[R]:
        """Make the calls here, without a worker, as `Task.apply` does."""
        raise NotImplementedError

    def __invert__(self) -> Coroutine[Any, Any, R]:
        """``await (~sig)``: make the calls and wait for what they return."""
        return self.apply_async().get()

    def __or__(self, other: Canvas[S]) -> Canvas[S]:
        """This, then that: `other` gets what this returns before its own arguments."""
        if hasattr(other, "__ror__") and not isinstance(other, Canvas | Mapping):
            return NotImplemented  # it may know what to do
        return _piping[0](self, checked(other, "|"))

    if not TYPE_CHECKING:  # to a type checker it would allow everything

        def __ror__(self, other: object) -> Canvas[Any]:
            return _piping[0](checked(other, "|"), self)

    def link(self, callback: C) -> C:
        """Have `callback` called with its value when it has succeeded; gives `callback`.

        Raises:
            TypeError: it is no signature.
        """
        self._append("link", callback)
        return callback

    def link_error(self, errback: C) -> C:
        """Have `errback` called when it has failed, once; gives `errback`.

        A task that takes one argument gets the id of the task that has failed; one that takes more
        gets its request, the error and the traceback.

        Raises:
            TypeError: it is no signature.
        """
        self._append("link_error", errback)
        return errback

    def on_error(self, errback: Canvas[Any]) -> Self:
        """`link_error`, giving itself: ``(a | b).on_error(e).delay()``."""
        self.link_error(errback)
        return self

    def freeze(self, _id: str | None = None) -> AsyncResult[R]:
        """Settle which id the next call will have; gives the handle on its result already.

        Args:
            _id: The id; None: the one that was settled before, or a new one.
        """
        raise NotImplementedError

    def set(self, immutable: bool | None = None, **options: Unpack[CallOptions]) -> Self:
        """Give the calls more options; it changes, and is returned.

        Args:
            immutable: Leave a caller's arguments out, or not; None: as it was.
            **options: See `asynq.options.CallOptions`.
        """
        self.options = self.options | read_options(options, f"{self!r}.set()")
        if immutable is not None:
            self.set_immutable(immutable)
        return self

    def stamp(self, **headers: Any) -> Self:
        """Write headers on all its calls, and on their callbacks and errbacks: a task finds them in
        `self.request.headers`, and `app.control.revoke_by_stamped_headers` finds the tasks. It
        changes, and is returned.

        Args:
            **headers: Plain values, or lists of them; they stand over a call's own.
        """
        for part in self.some():
            part.stamp(**headers)
        for name in LINKS & self.options.keys():  # which a copy of it may have too
            stamped = [each.copied().stamp(**headers) for each in self.options[name]]
            self.options = self.options | {name: stamped}
        return self

    def set_immutable(self, immutable: bool) -> None:
        """Leave a caller's arguments out, or not."""
        raise NotImplementedError

    def bind(self, app: Application) -> None:
        """Mean the tasks of that app."""
        for each in (*self.options.get("link", ()), *self.options.get("link_error", ())):
            each.bind(app)

    def clone(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Self:
        """A copy with more arguments and options: positional arguments come before its own."""
        raise NotImplementedError

    def copied(self, options: Mapping[str, Any] | None = None) -> Self:
        """The same once more, with its id: what it is changed to, the other is not.

        Args:
            options: Read options, which stand over its own.
        """
        made = msgspec.structs.replace(self, options=merged(self.options, options or {}))
        vars(made).update(vars(self))
        return made

    def to_dict(self) -> dict[str, Any]:
        """As plain values, which JSON can hold; `signature` makes it again of them."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def tree(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Node:
        """What it comes down to, called so.

        Args:
            args: Positional arguments, which come before its own.
            kwargs: Named arguments, which stand over its own.
            options: Read options, which stand over its own.
        """
        raise NotImplementedError

    def some(self) -> Iterator[Canvas[Any]]:
        """What it is made of; nothing where it is one call."""
        return iter(())

    def ending(self) -> Canvas[Any] | None:
        """What its value is of; None: itself."""
        return None

    def _append(self, option: str, canvas: object) -> None:
        there = self.options.get(option, [])
        for each in read_options({option: canvas}, f"{self!r}.{option}()")[option]:
            if each not in there:
                there = [*there, each]
        self.options = self.options | {option: there}


_piping: list[Callable[[Canvas[Any], Canvas[Any]], Canvas[Any]]] = []


def piping(function: Callable[[Canvas[Any], Canvas[Any]], Canvas[Any]]) -> None:
    """Make it what `|` does; it knows all kinds of canvas, and none of them knows it."""
    _piping[:] = [function]


_reading: list[Callable[[Mapping[str, Any]], Canvas[Any]]] = []


def reading(function: Callable[[Mapping[str, Any]], Canvas[Any]]) -> None:
    """Make it what reads a canvas from plain values; it knows all kinds, as `piping`'s does."""
    _reading[:] = [function]


def checked(value: object, owner: str) -> Canvas[Any]:
    """A canvas, or what JSON made of one, as a canvas.

    Args:
        value: It.
        owner: Who was given it, for the text of an error.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, Canvas):
        return value
    if isinstance(value, Mapping):
        return _reading[0](value)
    raise TypeError(f"{owner}: expected signatures, as task.s(…) makes them, got {value!r}")


def is_many(value: object) -> TypeGuard[Iterable[object]]:
    """Is it an iterable of signatures, rather than one, or something that is none?"""
    return isinstance(value, Iterable) and not isinstance(value, Canvas | Mapping | str | bytes)


def read_options(options: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Options of a canvas, checked, in a form that JSON can hold and that gives them again.

    Raises:
        TypeError, NotImplementedError, ImproperlyConfigured: as `read_call_options`.
    """
    call = read_call_options(options, owner)
    read = {
        name: value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in options.items()
        if value is not None or name == "result_expires"  # for ever
    }
    for name in LINKS & read.keys():
        read[name] = [checked(each, f"{owner}: {name}") for each in getattr(call, name)]
    return read


def inherited(options: Mapping[str, Any]) -> dict[str, Any]:
    """What a copy has of the options: not its id."""
    return {name: value for name, value in options.items() if name not in _OF_ONE}


def merged(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options and those that stand over them; links are added to links, headers to headers."""
    both = {**own, **given}
    if "headers" in own and isinstance(given.get("headers"), Mapping):
        both["headers"] = {**own["headers"], **given["headers"]}
    for name in LINKS & own.keys() & given.keys():
        both[name] = [*own[name], *(each for each in given[name] if each not in own[name])]
    return both


def trees(canvases: Sequence[Canvas[Any]]) -> list[Node]:
    """What links come down to."""
    return [each.tree() for each in canvases]


def split(options: Mapping[str, Any], *names: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of these names, and all others."""
    picked = {name: value for name, value in options.items() if name in names}
    return picked, {name: value for name, value in options.items() if name not in picked}
