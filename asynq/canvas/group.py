"""A group: several calls as one, made at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, Generic, Self, Unpack, overload

from msgspec import field

from asynq.application import Application, current_application
from asynq.canvas.launch import GroupCall
from asynq.canvas.nodes import Canvas, R, inherited, read_options
from asynq.canvas.signature import Signature
from asynq.options import CallOptions
from asynq.result.group import GroupResult
from asynq.result.submission import Submission
from asynq.wire.ids import new_id


class Group(Canvas[list[R]], Generic[R], tag="group", dict=True):
    """Calls made at the same time.

    Attributes:
        tasks: its members.
        options: of all members, as `asynq.options.CallOptions`; `task_id` is the group's own id.
    """

    tasks: list[Signature[R]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> GroupCall[R]:
        """Call them all elsewhere.

        Args:
            args: Positional arguments, which come before each member's own.
            kwargs: Named arguments, which stand over each member's own.
            **options: See `asynq.options.CallOptions`; for all members.

        Raises (when awaited, before anything is sent):
            TypeError: the arguments do not fit a function, or there is no such option.
            As `Task.apply_async`.
        """
        return self._call([partial(each.apply_async, args, kwargs) for each in self], options)

    def __call__(self, *args: Any, **kwargs: Any) -> GroupCall[R]:
        """The same as `delay`."""
        return self.apply_async(args, kwargs)

    def delay(self, *args: Any, **kwargs: Any) -> GroupCall[R]:
        """Call them all elsewhere; each gets these arguments before its own."""
        return self.apply_async(args, kwargs)

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> GroupCall[R]:
        """Run them all here, as a worker would: see `Task.apply`."""
        return self._call(
            [partial(each.apply, args, kwargs, throw=throw) for each in self], options
        )

    def set(self, immutable: bool | None = None, **options: Unpack[CallOptions]) -> Self:
        """Give all members more options; it changes, and is returned.

        Args:
            immutable: Leave a caller's arguments out, or not; None: as each member was.
            **options: See `asynq.options.CallOptions`.
        """
        self.options = self.options | read_options(options, "group().set()")
        if immutable is not None:
            for member in self:
                member.set(immutable)
        return self

    def bind(self, app: Application) -> None:
        """Mean the tasks of that app."""
        for member in self:
            member.bind(app)

    def clone(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Self:
        """A copy, with more arguments for each member, and more options for all."""
        given = inherited(self.options) | read_options(options, "group().clone()")
        return type(self)([member.clone(args, kwargs) for member in self.tasks], given)

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
        for member, turn in zip(self.tasks, count(), strict=False):
            member.set(countdown=start + step * (turn if turns is None else turn % turns))
        return self

    def freeze(self, _id: str | None = None) -> GroupResult[R]:
        """Settle which ids it and its members will have; gives the handle already."""
        id = _id or self.options.get("task_id") or new_id()
        self.options = self.options | {"task_id": id}
        members = [member.freeze() for member in self.tasks]
        return GroupResult(id, members, current_application().results)

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Signature[R]]:
        return iter(self.tasks)

    def __getitem__(self, index: int) -> Signature[R]:
        return self.tasks[index]

    def __repr__(self) -> str:
        return f"group([{', '.join(map(repr, self.tasks))}])"

    def _call(
        self, calls: Sequence[Callable[..., Submission[R]]], options: CallOptions
    ) -> GroupCall[R]:
        given = self.options | read_options(options, "group().apply_async()")
        id = given.pop("task_id", None) or new_id()
        ready = [partial(call, **given) for call in calls] if given else calls
        return GroupCall(id, ready, current_application().results)


Members = Iterable[Signature[R]] | Iterable[Group[R]]


@overload
def group(tasks: Members[R], /, **options: Unpack[CallOptions]) -> Group[R]: ...
@overload
def group(*tasks: Signature[R] | Group[R], **options: Unpack[CallOptions]) -> Group[R]: ...
@overload
def group(*tasks: Signature[Any] | Members[Any], **options: Unpack[CallOptions]) -> Group[Any]: ...
def group(*tasks: Any, **options: Unpack[CallOptions]) -> Group[Any]:
    """Calls to be made at the same time.

    Args:
        *tasks: Signatures, or one iterable of them; groups among them are taken apart.
        **options: Of all members: see `asynq.options.CallOptions`.

    Raises:
        TypeError: something among them is no signature.
    """
    given = read_options(options, "group()") if options else {}
    return Group([*_flat(tasks)], given)


def _flat(tasks: Iterable[object]) -> Iterator[Signature[Any]]:
    for each in tasks:
        if isinstance(each, Signature):
            yield each
        elif isinstance(each, Group):
            members = (member.clone() for member in each)
            yield from (member.set(**inherited(each.options)) for member in members)
        elif isinstance(each, Iterable) and not isinstance(each, str | bytes):
            yield from _flat(each)
        else:
            raise TypeError(f"group(): expected signatures, as task.s(…) makes them, got {each!r}")
