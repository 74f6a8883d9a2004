"""A group: several calls as one, made at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, Generic, NoReturn, Self, Unpack, cast, overload

from msgspec import field

from asynq.application import Application
from asynq.canvas.launch import GroupCall, GroupSubmission, launch, results_of
from asynq.canvas.nodes import (
    OF_WORKFLOW,
    Canvas,
    R,
    checked,
    inherited,
    is_many,
    merged,
    read_options,
    split,
    trees,
)
from asynq.canvas.signature import Signature
from asynq.canvas.tree import Node, Parallel
from asynq.options import CallOptions
from asynq.result.group import GroupResult
from asynq.result.submission import Submission
from asynq.wire.flow import Errors
from asynq.wire.ids import new_id


class Group(Canvas[list[R]], Generic[R], tag="group", dict=True):
    """Calls made at the same time.

    Attributes:
        tasks: its members: signatures, chains, chords.
        options: of all members, as `asynq.options.CallOptions`; `task_id` is the group's own id,
            `link_error` and `workflow_timeout` are of the whole.
        errors: what becomes of what comes after it (a chord's body) when a member has failed:
            ``"fail"``: it fails with a `ChordError`; ``"collect"``: it gets the error in the place
            of the value; ``"ignore"``: it gets the values of the others.
        least: how many members must have succeeded all the same, else it fails with a `ChordError`.
    """

    tasks: list[Canvas[R]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    errors: Errors = "fail"
    least: int = 0

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> GroupSubmission[R]:
        """Call them all elsewhere.

        Args:
            args: Positional arguments, which come before each member's own.
            kwargs: Named arguments, which stand over each member's own.
            **options: See `asynq.options.CallOptions`; for all members.

        Raises (when awaited, before anything is sent):
            TypeError: the arguments do not fit a function, or there is no such option.
            As `Task.apply_async`.
        """
        given = read_options(options, "group().apply_async()")
        whole, _ = split(merged(self.options, given), *WHOLE, "link")
        if whole or not all(map(_is_plain, self.tasks)):
            return _of_group(launch(self, args, kwargs, given))
        return self._call([partial(each.apply_async, args, kwargs) for each in self], given)

    def __call__(self, *args: Any, **kwargs: Any) -> GroupSubmission[R]:
        """The same as `delay`."""
        return self.apply_async(args, kwargs)

    def delay(self, *args: Any, **kwargs: Any) -> GroupSubmission[R]:
        """Call them all elsewhere; each gets these arguments before its own."""
        return self.apply_async(args, kwargs)

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> GroupSubmission[R]:
        """Run them all here, as a worker would: see `Task.apply`."""
        given = read_options(options, "group().apply()")
        whole, _ = split(merged(self.options, given), *WHOLE, "link")
        if whole or not all(map(_is_plain, self.tasks)):
            return _of_group(launch(self, args, kwargs, given, here=True, throw=throw))
        calls = [partial(each.apply, args, kwargs, throw=throw) for each in self]
        return self._call(calls, given)

    def set_immutable(self, immutable: bool) -> None:
        """Leave a caller's arguments out of all members, or not."""
        self.tasks = [member.copied() for member in self.tasks]
        for member in self:
            member.set_immutable(immutable)

    def link(self, callback: object) -> NoReturn:
        """Refuse: a group has no one value.

        Raises:
            TypeError: always.
        """
        raise TypeError("a group has no one value to call back with: use a chord, group(…) | body")

    def bind(self, app: Application) -> None:
        """Mean the tasks of that app."""
        super().bind(app)
        for member in self:
            member.bind(app)

    def clone(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Self:
        """A copy, with more arguments for each member, and more options for all."""
        given = merged(inherited(self.options), read_options(options, "group().clone()"))
        members = [member.clone(args, kwargs) for member in self.tasks]
        return type(self)(members, given, self.errors, self.least)

    def skew(self, start: float = 1.0, stop: float | None = None, step: float = 1.0) -> Self:
        """Start the members one after the other; it changes, and is returned.

        Args:
            start: Seconds before the first begins.
            stop: No member waits as long as that: begin with `start` again; None: no such bound.
            step: Seconds between one and the next.

        Raises:
            ValueError: `step` is not above zero, or `stop` not above `start`.
        """
        if not step > 0 or (stop is not None and not stop > start):
            raise ValueError(f"skew(start={start}, stop={stop}, step={step}): it must go upwards")
        turns = None if stop is None else max(1, -int(-(stop - start) // step))
        self.tasks = [member.copied() for member in self.tasks]
        for member, turn in zip(self.tasks, count(), strict=False):
            member.set(countdown=start + step * (turn if turns is None else turn % turns))
        return self

    def freeze(self, _id: str | None = None) -> GroupResult[R]:
        """Settle which ids it and its members will have; gives the handle already."""
        id = _id or self.options.get("task_id") or new_id()
        self.options = self.options | {"task_id": id}
        self.tasks = [member.copied() for member in self.tasks]
        members = [member.freeze() for member in self.tasks]
        return GroupResult(id, members, results_of(members))

    def tree(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Node:
        """Its members, at the same time.

        Raises:
            TypeError: it was given a callback, and has no one value.
            ValueError: a member has no calls.
        """
        whole, of_all = split(merged(self.options, options or {}), *WHOLE, "task_id", "link")
        if "link" in whole:
            self.link(whole["link"])
        members = (member.tree(args, kwargs, of_all) for member in self.tasks)
        return Parallel(
            [each for each in members if any(True for _ in each.first())],
            trees(whole.get("link_error", ())),
            id=whole.get("task_id"),
            errors=self.errors,
            least=self.least,
        )

    def some(self) -> Iterator[Canvas[Any]]:
        """Its members."""
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Canvas[R]]:
        return iter(self.tasks)

    def __getitem__(self, index: int) -> Canvas[R]:
        return self.tasks[index]

    def __repr__(self) -> str:
        return f"group([{', '.join(map(repr, self.tasks))}])"

    def _call(
        self, calls: Sequence[Callable[..., Submission[R]]], options: Mapping[str, Any]
    ) -> GroupCall[R]:
        given: dict[str, Any] = merged(self.options, options)
        id = given.pop("task_id", None) or new_id()
        ready = [partial(call, **given) for call in calls] if given else calls
        return GroupCall(id, ready)


WHOLE = ("link_error", "workflow_timeout")
"""Options of a group as a whole, rather than of its members."""


def _of_group(submission: Submission[Any]) -> GroupSubmission[Any]:
    """What it is to who calls it: a group's value is a list, and its result a `GroupResult`."""
    return cast("GroupSubmission[Any]", submission)


def _is_plain(member: Canvas[Any]) -> bool:
    return type(member) is Signature and not OF_WORKFLOW & member.options.keys()


Members = Iterable[Canvas[R]]


@overload
def group(
    tasks: Members[R], /, *, errors: Errors = "fail", least: int = 0, **options: Unpack[CallOptions]
) -> Group[R]: ...
@overload
def group(
    *tasks: Canvas[R], errors: Errors = "fail", least: int = 0, **options: Unpack[CallOptions]
) -> Group[R]: ...
@overload
def group(
    *tasks: Canvas[Any] | Members[Any],
    errors: Errors = "fail",
    least: int = 0,
    **options: Unpack[CallOptions],
) -> Group[Any]: ...
def group(
    *tasks: Any, errors: Errors = "fail", least: int = 0, **options: Unpack[CallOptions]
) -> Group[Any]:
    """Calls to be made at the same time.

    Args:
        *tasks: Signatures, chains and chords, or one iterable of them; groups among them are taken
            apart, but those with an errback or `errors` of their own, which are one member each.
        errors: What becomes of what comes after it when a member has failed: see `Group`.
        least: How many members must have succeeded all the same.
        **options: Of all members: see `asynq.options.CallOptions`.

    Raises:
        TypeError: something among them is no signature.
        ValueError: `errors` is none of the three, or `least` can't be.
    """
    given = read_options(options, "group()") if options else {}
    members = [*_flat(tasks)]
    check_errors(errors, least, len(members), "group()")
    return Group(members, given, errors, least)


ERRORS = ("fail", "collect", "ignore")


def check_errors(errors: object, least: object, members: int, owner: str) -> None:
    """What becomes of failed members, and how many must succeed.

    Raises:
        TypeError: `least` is no number.
        ValueError: `errors` is none of the three, or `least` can't be.
    """
    if errors not in ERRORS:
        raise ValueError(f"{owner}: errors: expected one of {', '.join(ERRORS)}, got {errors!r}")
    if not isinstance(least, int) or isinstance(least, bool):
        raise TypeError(f"{owner}: least: expected a whole number of members, got {least!r}")
    if least < 0:
        raise ValueError(f"{owner}: least: expected 0 or more, got {least!r}")
    if least and errors == "fail":
        raise ValueError(
            f"{owner}: least={least!r}: how many must succeed is for errors='collect' or 'ignore'"
        )
    if least > members:
        raise ValueError(f"{owner}: least={least!r}: there are {members} members only")


def _is_one(inner: Group[Any]) -> bool:
    """Is it one member of another group, whose value is a list? What it says of failures is of all
    of it, so it can't be taken apart."""
    return inner.errors != "fail" or "link_error" in inner.options


def _flat(tasks: Iterable[object]) -> Iterator[Canvas[Any]]:
    for each in tasks:
        if isinstance(each, Signature):
            yield each
        elif isinstance(each, Group) and not _is_one(each):
            shared = inherited(each.options)
            yield from (
                member.clone(**shared) if shared else member.clone() for member in each.tasks
            )
        elif is_many(each):
            yield from _flat(each)
        else:
            yield checked(each, "group()")
