"""What all canvas has in common: calls that are data, and can be made, changed and combined.

A canvas is a msgspec Struct. It is JSON as it stands (`to_dict`, or as an argument of a task), and
`signature` makes it again of that.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, Self, TypeVar, Unpack

import msgspec
from msgspec import Struct

from asynq.application import Application
from asynq.options import CallOptions, read_call_options
from asynq.result.handle import AsyncResult
from asynq.result.submission import Submission

if TYPE_CHECKING:  # PEP 696, as in `asynq.result.handle`
    from typing_extensions import TypeVar as DefaultedTypeVar

    R = DefaultedTypeVar("R", default=Any)
else:
    R = TypeVar("R")

KIND: Final = "subtask_type"
"""The field that tells what it is: Celery's name."""

_OF_ONE: Final = frozenset({"task_id", "root_id", "parent_id"})
"""Options of one call, which a copy does not inherit."""


class Canvas(Struct, Generic[R], tag_field=KIND, tag="canvas", dict=True):
    """Calls as data.

    Attributes:
        options: of the calls, as `asynq.options.CallOptions`.
    """

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

    def __or__(self, other: object) -> NoReturn:
        raise NotImplementedError("chains and chords (`|`) are not in this release yet")

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
        raise NotImplementedError

    def bind(self, app: Application) -> None:
        """Mean the tasks of that app."""
        raise NotImplementedError

    def clone(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Self:
        """A copy with more arguments and options: positional arguments come before its own."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """As plain values, which JSON can hold; `signature` makes it again of them."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def read_options(options: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Options of a canvas, checked, in a form that JSON can hold and that gives them again.

    Raises:
        TypeError, NotImplementedError, ImproperlyConfigured: as `read_call_options`.
    """
    read_call_options(options, owner)
    return {
        name: value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in options.items()
        if value is not None
    }


def inherited(options: Mapping[str, Any]) -> dict[str, Any]:
    """What a copy has of the options: not its id."""
    return {name: value for name, value in options.items() if name not in _OF_ONE}
