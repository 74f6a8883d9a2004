"""A chord: a group, and a body that gets all its values at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Self, Unpack, overload

from msgspec import field

from asynq.application import Application
from asynq.canvas.group import Group, check_errors, group
from asynq.canvas.launch import launch
from asynq.canvas.nodes import Canvas, R, checked, inherited, merged, read_options, split, trees
from asynq.canvas.tree import Node, one_after_the_other
from asynq.options import CallOptions
from asynq.result.handle import AsyncResult
from asynq.result.submission import Submission
from asynq.wire.flow import Errors


class Chord(Canvas[R], Generic[R], tag="chord", dict=True):
    """A header, whose calls are made at the same time, and a body, called with their values.

    Attributes:
        header: the group.
        body: what gets the list of its values; None: not known yet.
        options: as `asynq.options.CallOptions`: `task_id` and `link` are of the body, `link_error`
            and `workflow_timeout` of the whole, all others of the header.
    """

    header: Group[Any] = field(default_factory=Group)
    body: Canvas[R] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(
        self, body: Canvas[Any] | None = None, **options: Unpack[CallOptions]
    ) -> Submission[R]:
        """Start it: ``chord(header)(body)``, ``chord(header, body)()``."""
        return (self if body is None else self._with(body)).apply_async(**options)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[R]:
        """Start it.

        Args:
            args: Positional arguments of all calls of the header, before their own.
            kwargs: Named arguments of these, over their own.
            **options: See `options`; they stand over its own.

        Raises:
            TypeError: it has no body; the arguments do not fit a function; there is no such option.
            As `Task.apply_async`, when awaited.
        """
        given = read_options(options, "chord().apply_async()")
        return launch(self, args, kwargs, given)

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Submission[R]:
        """Run it here, as workers would: see `Task.apply`."""
        given = read_options(options, "chord().apply()")
        return launch(self, args, kwargs, given, here=True, throw=throw)

    def link(self, callback: Any) -> Any:
        """Have `callback` called with the value of the body; gives `callback`."""
        self.body = self._body().copied()
        self.body.link(callback)
        return callback

    def set_immutable(self, immutable: bool) -> None:
        """Leave a caller's arguments out of the header, or not."""
        self.header = self.header.copied()
        self.header.set_immutable(immutable)

    def bind(self, app: Application) -> None:
        """Mean the tasks of that app."""
        super().bind(app)
        self.header.bind(app)
        if self.body is not None:
            self.body.bind(app)

    def clone(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Self:
        """A copy with more arguments for the header, and more options."""
        given = merged(inherited(self.options), read_options(options, "chord().clone()"))
        body = None if self.body is None else self.body.clone()
        return type(self)(self.header.clone(args, kwargs), body, given)

    def freeze(self, _id: str | None = None) -> AsyncResult[R]:
        """Settle which ids its calls will have; gives the handle on the body's result."""
        self.header, self.body = self.header.copied(), self._body().copied()
        body: Canvas[R] = self.body
        result = outer = body.freeze(_id or self.options.get("task_id"))
        above = self.header.freeze()
        while outer.parent is not None:
            outer = outer.parent
        outer.parent = above
        return result

    def tree(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Node:
        """The header, and after it the body."""
        whole, own = split(merged(self.options, options or {}), "link_error", "workflow_timeout")
        of_body, of_header = split(own, "task_id", "link")
        parts = [self.header.tree(args, kwargs, of_header), self._body().tree((), None, of_body)]
        return one_after_the_other(parts, trees(whole.get("link_error", ())))

    def some(self) -> Iterator[Canvas[Any]]:
        """The header, and the body."""
        yield self.header
        yield self._body()

    def ending(self) -> Canvas[Any] | None:
        """The body."""
        return self.body

    def __repr__(self) -> str:
        if self.body is None:
            return f"chord({self.header!r})"
        inside = repr(self.header).removeprefix("group(").removesuffix(")")
        shown = repr(self.body)
        name, _, own = shown.partition("(")
        own = own.removesuffix(")")
        return f"%{name}({inside}{', ' if own else ''}{own})"

    def _body(self) -> Canvas[Any]:
        if self.body is None:
            raise TypeError(f"{self!r} has no body: chord(header, body), or chord(header)(body)")
        return self.body

    def _with(self, body: object) -> Self:
        return type(self)(self.header, checked(body, "chord(): body"), self.options)


Header = Group[Any] | Iterable[Canvas[Any]]


@overload
def chord(
    header: Header, body: Canvas[R], *, errors: Errors | None = None, least: int | None = None
) -> Chord[R]: ...
@overload
def chord(
    header: Header, body: None = None, *, errors: Errors | None = None, least: int | None = None
) -> Chord[Any]: ...
def chord(
    header: Header,
    body: Canvas[Any] | None = None,
    *,
    errors: Errors | None = None,
    least: int | None = None,
) -> Chord[Any]:
    """A group, and what is called with the list of its values.

    Args:
        header: A group, or an iterable of signatures, chains, chords.
        body: What gets their values; it may be given when it is called: ``chord(header)(body)``.
        errors: What the body gets of members that fail: see `Group`; None: as the group says.
        least: How many must have succeeded all the same; None: as the group says.

    Raises:
        TypeError: something among them is no signature.
        ValueError: `errors` is none of the three, or `least` can't be.
    """
    read = None if body is None else checked(body, "chord(): body")
    members = header if isinstance(header, Group) else group(header)
    if errors is not None or least is not None:
        errors = errors or members.errors
        if least is None:
            least = 0 if errors == "fail" else members.least
        check_errors(errors, least, len(members), "chord()")
        members = members.copied()
        members.errors, members.least = errors, least
    return Chord(members, read)
